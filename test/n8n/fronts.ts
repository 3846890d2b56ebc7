import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Limit } from '../limits/gateway';
import { assertInstalled, startDaemon } from './databases';
import { freePort } from './process';

const NGINX = '/usr/sbin/nginx';

/** What stands before the gateway and admits only so much. */
export interface Front {
	url: string;
	/** Generation requests that were sent, and how many of them were refused. */
	counts(): Promise<{ sent: number; refused: number }>;
	close(): Promise<void>;
}

export interface Admission {
	/** Made when the first request comes. */
	limit?: (now: number) => Limit;
	/** Requests that may be in flight. */
	inFlight?: number;
	/** Seconds of `Retry-After`. */
	retryAfter?: number;
}

/** Starts a proxy that refuses with status 429 as Volcengine Ark does. */
export async function startProxy(
	target: string,
	{ limit: makeLimit, inFlight = Infinity, retryAfter }: Admission,
): Promise<Front> {
	const counts = { sent: 0, refused: 0 };
	let limit: Limit | undefined;
	let running = 0;
	const admits = (now: number) => {
		limit ??= makeLimit?.(now);
		if (running >= inFlight || (limit && limit.earliest(now, 1) > now)) return false;
		limit?.take(now, 1, 0);
		return true;
	};
	const server = createServer((request, response) => {
		const isGeneration = request.method === 'POST';
		if (isGeneration) counts.sent += 1;
		if (isGeneration && !admits(Date.now())) {
			counts.refused += 1;
			request.resume();
			response.writeHead(429, {
				'content-type': 'application/json',
				...(retryAfter && { 'retry-after': String(retryAfter) }),
			});
			response.end(
				JSON.stringify({
					error: {
						code: 'ModelAccountIpmRateLimitExceeded',
						message: 'The requests of your account for this model have exceeded the limit.',
						type: 'TooManyRequests',
						param: '',
					},
				}),
			);
			return;
		}
		if (isGeneration) running += 1;
		response.on('close', () => (running -= isGeneration ? 1 : 0));
		const { method, headers, url = '/' } = request;
		const onward = forward(new URL(url, target), { method, headers }, (answer) => {
			response.writeHead(answer.statusCode ?? 502, answer.headers);
			answer.pipe(response);
		});
		onward.on('error', () => response.destroy());
		request.pipe(onward);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		counts: async () => await Promise.resolve({ ...counts }),
		async close() {
			server.close();
			server.closeAllConnections();
			await once(server, 'close');
		},
	};
}

/**
 * Starts nginx, from Debian's package, which refuses with a web page of its own.
 * @param zone directive of its `http` block that makes the limit's zone
 * @param directives of its `location`
 * @throws Error that names Debian's package when there is no nginx
 */
export async function startNginx(
	target: string,
	zone: string,
	...directives: string[]
): Promise<Front> {
	await assertInstalled(NGINX, 'nginx-light');
	const folder = await mkdtemp(path.join(tmpdir(), 'seedream-nginx-'));
	const file = (name: string) => path.join(folder, name);
	const port = await freePort();
	const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
	await writeFile(
		file('nginx.conf'),
		`daemon off;
master_process off;
pid ${file('nginx.pid')};
error_log stderr;
events {}
http {
	log_format status '$request_method $status';
	access_log ${file('access.log')} status;
	client_max_body_size 100m;
${temporary.map((name) => `	${name}_temp_path ${file(name)};`).join('\n')}
	${zone};
	server {
		listen 127.0.0.1:${port};
		location / {
			proxy_pass ${target};
			${directives.map((each) => `${each};`).join('\n\t\t\t')}
		}
	}
}
`,
	);
	const stop = await startDaemon(folder, port, [NGINX, '-p', folder, '-c', file('nginx.conf')]);
	return {
		url: `http://127.0.0.1:${port}`,
		async counts() {
			const lines = (await readFile(file('access.log'), 'utf8')).split('\n');
			const sent = lines.filter((line) => line.startsWith('POST '));
			return { sent: sent.length, refused: sent.filter((line) => !line.endsWith(' 200')).length };
		},
		async close() {
			await stop();
			await rm(folder, { recursive: true });
		},
	};
}
