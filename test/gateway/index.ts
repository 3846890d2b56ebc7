import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { drawSample } from './picture';
import { fileResponse, serveFile } from './downloads';
import { type Fault, Faults } from './faults';
import { Files } from './files';
import {
	authorize,
	type Call,
	errorResponse,
	generate,
	replacement,
	send,
	type Service,
} from './generation';
import { Ledger, type RequestRecord } from './ledger';
import { type Profile, profileNamed, type ProfileName, PROFILES } from './profiles';
import { Refusal, requestId } from './refusal';
import { jsonResponse } from './responses';
import { reset, transmit } from './transmit';

export type { Fault } from './faults';
export type { DownloadRecord, ImageRecord, Ledger, RequestRecord } from './ledger';
export type { ProfileName } from './profiles';

export interface GatewayOptions {
	/** 0 or absent: any free port. */
	port?: number;
	/** What the bare URL plays. */
	profile?: ProfileName;
	/** The one API key that is right. */
	key?: string;
	/** Milliseconds to generate an image. */
	latency?: number;
	/** Milliseconds an image URL can be fetched. */
	urlLifetime?: number;
	/** Day on which it plays, as an ISO date: models that ended by then are gone. Absent: before every end. */
	day?: string;
	/** Generation requests allowed within any second; the others get 429. */
	rate?: number;
}

/** A running stand-in gateway. */
export interface Gateway {
	/** Base URL; plays the profile it was started with. */
	url: string;
	/** Base URL of a profile, to which `/v1/…` or `/api/v3/…` is added. */
	profileUrl(name: ProfileName): string;
	key: string;
	ledger: Ledger;
	inject(fault: Fault): void;
	/** Clears ledger, images and faults. */
	reset(): void;
	close(): Promise<void>;
}

const DAY = 24 * 60 * 60 * 1000;

/**
 * Starts the stand-in gateway on 127.0.0.1: a real HTTP server that plays Volcengine Ark, BytePlus
 * ModelArk and five gateways by their documents, generates real image files, and keeps account of them.
 * Over HTTP, besides the API: `GET /_control/ledger`, `GET /_control/profiles`,
 * `POST /_control/faults` (a {@link Fault}), `POST /_control/reset`, and pictures to use as references
 * under `GET /samples/<width>x<height>.<jpeg|png|webp|gif|tiff>`.
 */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
	const home = profileNamed(options.profile ?? 'volcengine');
	const service: Service = {
		url: '',
		key: options.key ?? 'sk-test',
		latency: options.latency ?? 0,
		ledger: new Ledger(),
		faults: new Faults(),
		files: new Files(options.urlLifetime ?? DAY),
		day: options.day,
		limitRate: rateLimit(options.rate),
	};
	const server = createServer((request, response) => {
		route(service, home, request, response).catch((error: unknown) => {
			// A mistake of the gateway itself must not look like a response of the service.
			console.error(error);
			reset(response);
		});
	});
	server.listen(options.port ?? 0, '127.0.0.1');
	await once(server, 'listening');
	service.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const { url, key, ledger, faults } = service;
	return {
		url,
		key,
		ledger,
		profileUrl: (name) => `${url}/${profileNamed(name).name}`,
		inject: (fault) => faults.inject(fault),
		reset: () => resetService(service),
		async close() {
			server.close();
			server.closeAllConnections();
			await once(server, 'close');
		},
	};
}

function resetService({ ledger, faults, files }: Service): void {
	ledger.clear();
	faults.clear();
	files.clear();
}

/** @returns counts a request; seconds to wait when a second has had as many as allowed, else 0 */
function rateLimit(perSecond = Infinity): () => number {
	const recent: number[] = [];
	return () => {
		const now = Date.now();
		while (recent.length > 0 && recent[0] <= now - 1000) recent.shift();
		if (recent.length >= perSecond) return 1;
		recent.push(now);
		return 0;
	};
}

async function route(
	service: Service,
	home: Profile,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const path = (request.url ?? '/').split('?')[0];
	const [, first, ...rest] = path.split('/');
	if (first === '_control') return await control(service, request, response, rest.join('/'));
	if (first === 'files') return await serveFile(service, request, response);
	if (first === 'samples') return await serveSample(response, rest.join('/'));
	const profile = PROFILES.get(first);
	await serveApi(
		service,
		profile ?? home,
		request,
		response,
		profile ? `/${rest.join('/')}` : path,
	);
}

/** @param path without query and without the profile's name */
async function serveApi(
	service: Service,
	profile: Profile,
	request: IncomingMessage,
	response: ServerResponse,
	path: string,
): Promise<void> {
	const record: RequestRecord = {
		id: requestId(profile.errors),
		at: Date.now(),
		profile: profile.name,
		method: request.method ?? '',
		path: request.url ?? '',
		headers: maskedHeaders(request),
		body: undefined,
		status: 0,
		outcome: 'open',
	};
	service.ledger.requests.push(record);
	const call = { profile, request, response, record };
	const target = `${request.method} ${path}`;
	if (target === `POST ${profile.basePath}/images/generations`) {
		service.ledger.enter();
		try {
			record.body = await readBody(request);
			await generate(service, call);
		} catch (error) {
			if (!request.destroyed || request.complete) throw error;
			record.outcome = 'left';
		} finally {
			service.ledger.leave();
		}
	} else if (target === `GET ${profile.basePath}/models` && profile.models) {
		await listModels(service, call, profile.models(service.day));
	} else if (profile.errors === 'ark') {
		// Ark responds to unknown paths with an empty body.
		await send(call, { status: 404, headers: {}, pieces: [], length: 0 });
	} else {
		const refusal = new Refusal(404, '', `Invalid URL (${target})`, {
			type: 'invalid_request_error',
		});
		await send(call, errorResponse(refusal, call));
	}
}

async function listModels(service: Service, call: Call, models: object): Promise<void> {
	const fault = service.faults.take('models', { profile: call.profile.name });
	if (fault?.reset) {
		call.record.outcome = reset(call.response);
		return;
	}
	const substitute = fault && replacement(fault, call);
	try {
		if (!substitute) authorize(service, call);
		await send(call, substitute ?? jsonResponse(200, models), fault);
	} catch (error) {
		if (!(error instanceof Refusal)) throw error;
		await send(call, errorResponse(error, call), fault);
	}
}

async function control(
	service: Service,
	request: IncomingMessage,
	response: ServerResponse,
	command: string,
): Promise<void> {
	const respond = (status: number, body: object) => transmit(response, jsonResponse(status, body));
	switch (`${request.method} ${command}`) {
		case 'GET ledger':
			await respond(200, service.ledger);
			return;
		case 'GET profiles':
			await respond(200, Object.fromEntries([...PROFILES].map(([name, p]) => [name, p.accepts])));
			return;
		case 'POST faults':
			try {
				service.faults.inject((await readBody(request)) as Fault);
				await respond(200, {});
			} catch (error) {
				await respond(400, { error: String(error) });
			}
			return;
		case 'POST reset':
			resetService(service);
			await respond(200, {});
			return;
		default:
			await respond(404, { error: `No control ${request.method} ${command}` });
	}
}

async function serveSample(response: ServerResponse, name: string): Promise<void> {
	const match = /^(\d{1,5})x(\d{1,5})\.(jpe?g|png|webp|gif|tiff)$/.exec(name);
	if (!match) {
		await transmit(response, jsonResponse(404, { error: `No sample ${name}` }));
		return;
	}
	const [, width, height, extension] = match;
	const format = extension.replace('jpg', 'jpeg');
	const pieces = await drawSample(Number(width), Number(height), format);
	await transmit(response, fileResponse(pieces, format));
}

/** @returns the parsed JSON, the text where it is none, undefined where there is no body */
async function readBody(request: IncomingMessage): Promise<unknown> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	const text = Buffer.concat(chunks).toString();
	if (text === '') return undefined;
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return text;
	}
}

function maskedHeaders({ headers }: IncomingMessage): Record<string, string> {
	const masked = Object.entries(headers).map(([name, value]) => [
		name,
		name === 'authorization' ? 'Bearer ***' : String(value),
	]);
	return Object.fromEntries(masked) as Record<string, string>;
}
