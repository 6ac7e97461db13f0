/** What `ingest` and `history` do, as one would write it without Guildwire, schemas and an OpenAPI description. */
import { randomUUID } from 'node:crypto';
import { DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';

const dynamodb = new DynamoDBClient({});
const { TABLE } = process.env;

export const handler = async ({ rawPath, body, requestContext }: APIGatewayProxyEventV2) => {
  const topic = rawPath.slice(1);
  if (requestContext.http.method === 'POST') {
    const id = randomUUID();
    const Item = { pk: { S: topic }, sk: { S: id }, body: { S: JSON.stringify(JSON.parse(body ?? '')) } };
    await dynamodb.send(new PutItemCommand({ TableName: TABLE, Item }));
    return { statusCode: 201, body: JSON.stringify({ id }) };
  }
  const { Items = [] } = await dynamodb.send(
    new QueryCommand({
      TableName: TABLE,
      KeyConditionExpression: 'pk = :topic',
      ExpressionAttributeValues: { ':topic': { S: topic } },
      Limit: 100,
    }),
  );
  return { statusCode: 200, body: `[${Items.map((item) => item.body?.S).join()}]` };
};
