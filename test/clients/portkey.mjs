// Starts Portkey's gateway, which would listen on every interface, on 127.0.0.1 alone.
import { Server } from 'node:net';

const { listen } = Server.prototype;
Server.prototype.listen = function (port, ...rest) {
	return listen.call(this, { port, host: '127.0.0.1' }, rest.at(-1));
};
await import('@portkey-ai/gateway/build/start-server.js');
