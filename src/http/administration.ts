import { utf8 } from '../bytes/index.ts';
import type { ControllerOutcome } from '../controller/index.ts';
import { errorReply } from './errors.ts';
import { type OperatorCommand, readOperatorCommand } from './operator-command.ts';
import type { HttpReply, HttpRequest } from './request.ts';

/** Everything of this is under it. */
export const ADMIN_PREFIX = '/_flotilla/';
const STATUS_PATH = '/_flotilla/status';
const COMMANDS_PATH = '/_flotilla/commands';
const COMMAND_BYTES_MAX = 64 * 1024;

/** What administration asks the node for. */
export interface Administration {
  /** A document to be sent as JSON. */
  status(): Promise<unknown>;
  /** The controller's answer, or undefined when there was none in time: then it is not known whether it was done. */
  command(command: OperatorCommand): Promise<ControllerOutcome | undefined>;
}

/** The JSON with which a command is answered. Statuses: 200, 409, 503, and 400, 403, 413 or 415 for what is malformed. */
export interface CommandAnswer {
  readonly outcome: 'done' | 'refused' | 'unavailable' | 'malformed';
  /** Why, in one line; empty when it was done. */
  readonly reason: string;
}

/**
 * Answers what is under {@link ADMIN_PREFIX}: the status by GET, and the commands of operators by POST. Rejects where the node
 * fails to answer, never for what is in the request.
 */
export async function administer(request: HttpRequest, node: Administration): Promise<HttpReply> {
  const { method, path } = request;
  if (path === STATUS_PATH) {
    return method === 'GET' || method === 'HEAD'
      ? json(200, await node.status())
      : methodNotAllowed('Use GET here');
  }
  if (path !== COMMANDS_PATH) {
    return errorReply('UnknownOperationException', 'There is nothing under this path', 404);
  }
  if (method !== 'POST') return methodNotAllowed('Use POST here');
  return refusalOf(request) ?? answer(readOperatorCommand(request.body), node);
}

/**
 * A page of another site makes its visitors' browsers send what it likes, but not of this type without asking for leave, and never
 * without saying whose page it is (W1).
 */
function refusalOf(request: HttpRequest): HttpReply | undefined {
  const type = request.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (request.header('origin') !== undefined) return malformed('not from a page in a browser', 403);
  if (type !== 'application/json') return malformed('Content-Type must be application/json', 415);
  if (request.body.length > COMMAND_BYTES_MAX) return malformed('too long', 413);
  return undefined;
}

async function answer(command: OperatorCommand | string, node: Administration): Promise<HttpReply> {
  if (typeof command === 'string') return malformed(command);
  const outcome = await node.command(command);
  if (!outcome) {
    return reply(503, 'unavailable', 'the controller gave no answer: it may be done or not');
  }
  switch (outcome.kind) {
    case 'done':
      return reply(200, 'done');
    case 'refused':
      return reply(409, 'refused', outcome.reason);
    default:
      throw new Error(`${command.kind} was answered with ${outcome.kind}`);
  }
}

function malformed(reason: string, status = 400): HttpReply {
  return reply(status, 'malformed', reason);
}

function reply(status: number, outcome: CommandAnswer['outcome'], reason = ''): HttpReply {
  const body: CommandAnswer = { outcome, reason };
  return json(status, body);
}

function json(status: number, document: unknown): HttpReply {
  return { status, contentType: 'application/json', body: utf8(JSON.stringify(document)) };
}

function methodNotAllowed(message: string): HttpReply {
  return errorReply('MalformedHttpRequestException', message, 405);
}
