-- One load for wrk: ACTION is put, get (consistent), get-any (eventually consistent) or mix (half puts, half consistent
-- gets). Each thread talks to one node, in turn. Options come in the environment.
local action = os.getenv("ACTION")
local table_name = os.getenv("TABLE")
local ports = os.getenv("PORTS")
local keys = tonumber(os.getenv("KEYS"))
local value = string.rep("x", tonumber(os.getenv("SIZE")))

local addresses = {}
for port in string.gmatch(ports, "%d+") do addresses[#addresses + 1] = port end

local count = 0
function setup(thread)
  thread.addr = wrk.lookup("127.0.0.1", addresses[count % #addresses + 1])[1]
  thread:set("id", count)
  count = count + 1
end

local put = {
  ["content-type"] = "application/x-amz-json-1.0",
  ["x-amz-target"] = "DynamoDB_20120810.PutItem",
  ["authorization"] = "AWS4-HMAC-SHA256 Credential=bench/20260101/local/dynamodb/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=0000000000000000000000000000000000000000000000000000000000000000",
  ["x-amz-date"] = "20260101T000000Z",
}
local get = {}
for name, text in pairs(put) do get[name] = text end
get["x-amz-target"] = "DynamoDB_20120810.GetItem"

function init()
  math.randomseed(os.time() + id * 7919)
end

local function put_item(key)
  return wrk.format("POST", "/", put, '{"TableName":"' .. table_name .. '","Item":{"pk":{"S":"key-' .. key .. '"},"v":{"S":"' .. value .. '"}}}')
end

local function get_item(key, consistent)
  return wrk.format("POST", "/", get, '{"TableName":"' .. table_name .. '","Key":{"pk":{"S":"key-' .. key .. '"}},"ConsistentRead":' .. consistent .. '}')
end

function request()
  local key = math.random(0, keys - 1)
  if action == "put" then return put_item(key) end
  if action == "get" then return get_item(key, "true") end
  if action == "get-any" then return get_item(key, "false") end
  if math.random(0, 1) == 0 then return put_item(key) end
  return get_item(key, "true")
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('RESULT {"requests":%d,"seconds":%.3f,"p50":%.3f,"p99":%.3f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
