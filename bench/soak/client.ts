/** Single calls of the API, where nothing is measured by the microsecond. */

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Rejects when there is no answer. */
export async function ask(port: number, operation: string, content: unknown): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      authorization: 'AWS4-HMAC-SHA256 Credential=bench/20260101/local/dynamodb/aws4_request',
    },
    body: JSON.stringify(content),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

/** Reads a whole table consistently through one node, and returns how many items it has. */
export async function scanAll(port: number, table: string): Promise<number> {
  let count = 0;
  let start: unknown;
  do {
    const { status, body } = await ask(port, 'Scan', {
      TableName: table,
      ConsistentRead: true,
      ...(start === undefined ? {} : { ExclusiveStartKey: start }),
    });
    if (status !== 200) throw new Error(`a scan was answered ${status}: ${JSON.stringify(body)}`);
    count += body['Count'] as number;
    start = body['LastEvaluatedKey'];
  } while (start !== undefined);
  return count;
}
