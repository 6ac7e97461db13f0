import { expect, test } from 'vitest';
import { openBackend } from '../../lib/backends/open-backend.ts';
import { openBus } from '../../lib/bus/bus.ts';
import { genericJson } from '../../lib/core/format.ts';
import { type HttpServer, serveHttp } from '../../lib/hosts/node/serve-http.ts';
import { createHttpApp } from '../../lib/http/create-http-app.ts';
import { Cli, Project, startDev } from './cli.ts';

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

/** The store outlives the server, as a real one does: each server is a new app on the same backend, at the same port. */
test.concurrent('a tail over a server that is killed and started again shows each message once, those of meanwhile included', async () => {
  await using backend = await openBackend('memory:');
  const bus = openBus(backend, { sender: 'user:test' });
  const serve = (port: number) => serveHttp(createHttpApp({ backend }), { port });
  let server: HttpServer = await serve(0);
  const { port, url } = server;
  let published = 0;
  const publish = async (count: number) => {
    for (let index = 0; index < count; index++) await bus.publish('numbers', genericJson, published++);
  };
  await publish(3);
  await using cli = new Cli(['tail', 'numbers', '--url', url, '--since', '1h']);
  await cli.line(/ 2$/);

  for (let round = 0; round < 3; round++) {
    // Some are under way when the connections are cut, and some come while nobody listens.
    const before = publish(150);
    await cli.line(new RegExp(` ${published + 5}$`));
    await Promise.all([server.close(0), before]);
    await publish(20);
    await cli.line(/is lost: trying again/, 'err');
    server = await serve(port);
    await cli.line(new RegExp(` ${published - 1}$`));
    await publish(1);
    await cli.line(new RegExp(` ${published - 1}$`));
  }
  const { code, out, err } = await cli.interrupt();
  await server.close(0);

  const shown = linesOf(out).map((line) => Number(line.split(' ').at(-1)));
  expect(shown).toEqual(Array.from({ length: published }, (_, index) => index));
  expect(linesOf(err)).toEqual(
    Array.from({ length: 3 }, () => [`the connection to ${url} is lost: trying again`, 'connected again']).flat(),
  );
  expect(code).toBe(0);
});

test.concurrent('a tail outlives a dev server whose process is killed, and goes on with the next one', async () => {
  using project = Project.of('quickstart');
  const cwd = project.folder;
  const first = await startDev(['guild.ts', '--quiet'], { cwd });
  await using cli = new Cli(['tail', 'prices'], { cwd, env: { GUILDWIRE_URL: first.url } });
  await first.ask('publish', 'prices', '{"cents":1}');
  await cli.line(/"cents":1/);

  first.cli.signal('SIGKILL');
  await cli.line(/is lost: trying again/, 'err');
  await using next = await startDev(['guild.ts', '--quiet', '--port', new URL(first.url).port], { cwd });
  await next.ask('publish', 'prices', '{"cents":2}');
  await cli.line(/"cents":2/);
  const { code, out } = await cli.interrupt();

  expect({ code, prices: linesOf(out).map((line) => line.split(' ').at(-1)) }).toEqual({
    code: 0,
    prices: ['{"cents":1}', '{"cents":2}'],
  });
});
