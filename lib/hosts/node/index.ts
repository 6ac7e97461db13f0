/** @module What `guildwire/node` exports: serving the HTTP API from a process of Node. */
export { type HttpServer, ListenError, OpenAccessError, type ServeOptions, serveHttp } from './serve-http.ts';
