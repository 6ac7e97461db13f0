/**
 * @module What runs in a function's process: the runtime of Lambda, as far as a handler can see it. It lies here as text,
 * so that a process starts it without looking for a file or stripping types, in 60 ms instead of 100.
 */

/** Stands in front of the lines that say which invocation the next lines of a log belong to. */
export const LOG_MARK = '\u0000rehearsal ';

/**
 * Imports the handler, then asks for invocations until the process is killed or nobody answers. Handlers are asynchronous,
 * as Lambda's runtime for Node.js 24 has them.
 */
export const runtimeScript = `
import http from 'node:http';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
const env = process.env;
const base = 'http://' + env.AWS_LAMBDA_RUNTIME_API + '/2018-06-01/runtime';
const agent = new http.Agent({ keepAlive: true });
const call = (method, where, body) => new Promise((resolve, reject) => {
  const headers = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const request = http.request(base + where, { method, agent, headers }, (response) => {
    const chunks = [];
    response.on('data', (chunk) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
  });
  request.on('error', reject);
  request.end(body);
}).catch(() => process.exit(0));
const failed = (error, type) => JSON.stringify({
  errorType: type ?? error?.name ?? typeof error,
  errorMessage: String(error?.message ?? error),
  trace: String(error?.stack ?? '').split('\\n'),
});
const writes = [process.stdout, process.stderr].map((stream) => stream.write.bind(stream));
const mark = (text) => {
  for (const write of writes) write('${LOG_MARK.replace('\u0000', '\\u0000')}' + text + '\\n');
};
const exit = (code) => (error) => {
  console.error(error);
  process.exit(code);
};
process.on('uncaughtException', exit(129));
process.on('unhandledRejection', exit(128));
let handler;
try {
  const [, folder, file, names] = /^(.*?)([^/.]+)\\.([^/]+)$/.exec(env._HANDLER) ?? [];
  const found = ['.mjs', '.js', '.cjs'].map((end) => path.join(env.LAMBDA_TASK_ROOT, folder ?? '', file + end)).find(fs.existsSync);
  if (found === undefined) throw Object.assign(new Error('Cannot find module of ' + env._HANDLER), { name: 'Runtime.ImportModuleError' });
  const loaded = await import(pathToFileURL(found).href);
  handler = names.split('.').reduce((value, name) => value?.[name] ?? value?.default?.[name], loaded);
  if (typeof handler !== 'function') throw Object.assign(new Error(env._HANDLER + ' is not a function'), { name: 'Runtime.HandlerNotFound' });
  if (handler.length > 2) throw Object.assign(new Error('Node.js 24 on Lambda takes no handlers with a callback'), { name: 'Runtime.CallbackHandlerDeprecated' });
} catch (error) {
  console.error(error);
  const type = error?.code === 'ERR_MODULE_NOT_FOUND' ? 'Runtime.ImportModuleError' : undefined;
  await call('POST', '/init/error', failed(error, type));
  process.exit(1);
}
for (;;) {
  const { headers, body } = await call('GET', '/invocation/next');
  const id = headers['lambda-runtime-aws-request-id'];
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
  mark('start ' + id);
  let answer;
  try {
    const result = await handler(JSON.parse(body), {
      awsRequestId: id,
      callbackWaitsForEmptyEventLoop: true,
      functionName: env.AWS_LAMBDA_FUNCTION_NAME,
      functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
      invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
      memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
      getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    });
    answer = ['/response', JSON.stringify(result) ?? 'null'];
  } catch (error) {
    console.error(error);
    answer = ['/error', failed(error)];
  }
  mark('end ' + id);
  await call('POST', '/invocation/' + id + answer[0], answer[1]);
}
`;
