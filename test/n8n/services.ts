import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file that a workflow handed over. */
export interface Upload {
	/** Name of the form's field; absent where the service takes files without a form. */
	field?: string;
	fileName: string;
	contentType: string;
	bytes: Buffer;
}

/** A message of OpenAI's chat API. */
export interface ChatMessage {
	role: string;
	content?: unknown;
	tool_calls?: ToolCall[];
	tool_call_id?: string;
}

interface ToolCall {
	id: string;
	type: 'function';
	function: { name: string; arguments: string };
}

/** Response of the chat model: text, or the arguments of each call it makes to the only tool. */
export type ChatAnswer = string | readonly object[];

/** What Slack, Google Drive, any site with an upload form, and OpenAI's chat API are to the workflows. */
export interface Services {
	url: string;
	/** What came to Slack, by its own node, or to `/forms/slack`. */
	slack: Upload[];
	/** What came to Google Drive, by its own node, or to `/forms/drive`. */
	drive: Upload[];
	/** Bodies of the chat requests. */
	chats: ChatRequest[];
	/** Sets how the chat model responds. */
	chat(answer: (messages: ChatMessage[]) => ChatAnswer): void;
	/** Forgets what came. */
	clear(): void;
	/** Environment of an n8n whose requests to slack.com and googleapis.com end here. */
	env: Record<string, string>;
}

export interface ChatRequest {
	messages: ChatMessage[];
	tools?: Array<{ function: { name: string; description?: string; parameters: object } }>;
	stream?: boolean;
}

/** Sends what n8n sends to these hosts to a server of this machine instead, and says where it was to go. */
const REDIRECT = `
import http from 'node:http';
import https from 'node:https';
const { request } = https;
https.request = (options, ...rest) =>
	/(^|\\.)(slack|googleapis)\\.com$/.test(options.hostname ?? '')
		? http.request({
				...options,
				protocol: 'http:',
				agent: undefined,
				host: '127.0.0.1',
				hostname: '127.0.0.1',
				port: SERVICES_PORT,
				path: '/' + options.hostname + options.path,
			}, ...rest)
		: request(options, ...rest);
`;

/** Starts local stand-ins for the services that workflows hand images to, and lets a part play with them. */
export async function withServices(play: (services: Services) => Promise<void>): Promise<void> {
	const server = createServer((request, response) => {
		serve(request).then(
			(answer) => send(response, answer),
			(error: Error) => send(response, { status: 500, body: { error: String(error.stack) } }),
		);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	const url = `http://127.0.0.1:${port}`;
	const slack: Upload[] = [];
	const drive: Upload[] = [];
	const chats: ChatRequest[] = [];
	let chatAnswer: (messages: ChatMessage[]) => ChatAnswer = () => 'Hello';

	async function serve(request: IncomingMessage): Promise<Answer> {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const body = Buffer.concat(chunks);
		const { pathname, searchParams } = new URL(request.url ?? '/', url);
		const contentType = request.headers['content-type'] ?? '';
		const json = () => JSON.parse(body.toString()) as Record<string, unknown>;
		switch (pathname) {
			case '/forms/slack':
				slack.push(...(await filesOf(body, contentType)));
				return { body: { ok: true } };
			case '/forms/drive':
				drive.push(...(await filesOf(body, contentType)));
				return { body: { id: `file-${drive.length}` } };
			case '/slack.com/api/files.getUploadURLExternal': {
				const upload_url = `https://files.slack.com/upload?${searchParams}`;
				return { body: { ok: true, upload_url, file_id: `F-${searchParams.get('filename')}` } };
			}
			case '/files.slack.com/upload': {
				const [upload] = await filesOf(body, contentType);
				const isWhole = String(upload.bytes.length) === searchParams.get('length');
				if (!isWhole) return { status: 400, body: { ok: false, error: 'length' } };
				slack.push({ ...upload, fileName: searchParams.get('filename') ?? '' });
				return { body: { ok: true } };
			}
			case '/slack.com/api/files.completeUploadExternal':
				return { body: { ok: true, files: json().files } };
			case '/www.googleapis.com/upload/drive/v3/files': {
				const { name } = json();
				drive.push({
					fileName: String(name),
					contentType: String(request.headers['x-upload-content-type']),
					bytes: Buffer.alloc(0),
				});
				return { headers: { location: `${url}/drive/upload/${drive.length - 1}` }, body: {} };
			}
			case '/oauth2.googleapis.com/token':
				return { body: { access_token: 'local', expires_in: 3600, token_type: 'Bearer' } };
			case '/v1/chat/completions': {
				const chat = json() as unknown as ChatRequest;
				chats.push(chat);
				return completion(chat, chatAnswer(chat.messages));
			}
		}
		const [, part] = /^\/drive\/upload\/(\d+)$/.exec(pathname) ?? [];
		if (part !== undefined) {
			const upload = drive[Number(part)];
			upload.bytes = Buffer.concat([upload.bytes, body]);
			const [, total] = /\/(\d+)$/.exec(request.headers['content-range'] ?? '') ?? [];
			return upload.bytes.length === Number(total)
				? { body: { id: `file-${part}` } }
				: { status: 308, body: {} };
		}
		const [, file] = /^\/www\.googleapis\.com\/drive\/v3\/files\/(.+)$/.exec(pathname) ?? [];
		if (file) return { body: { id: file, ...json() } };
		return { status: 404, body: { error: `No ${request.method} ${pathname}` } };
	}

	const hook = REDIRECT.replace('SERVICES_PORT', String(port));
	try {
		await play({
			url,
			slack,
			drive,
			chats,
			chat: (answer) => (chatAnswer = answer),
			clear() {
				for (const list of [slack, drive, chats]) list.length = 0;
			},
			env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` },
		});
	} finally {
		server.close();
		server.closeAllConnections();
		await once(server, 'close');
	}
}

interface Answer {
	status?: number;
	headers?: Record<string, string>;
	/** Text is a stream of events. */
	body: object | string;
}

function send(response: ServerResponse, { status = 200, headers, body }: Answer): void {
	const events = typeof body === 'string';
	response.writeHead(status, {
		'content-type': events ? 'text/event-stream' : 'application/json',
		...headers,
	});
	response.end(events ? body : JSON.stringify(body));
}

async function filesOf(body: Buffer, contentType: string): Promise<Upload[]> {
	const form = await new Response(body, { headers: { 'content-type': contentType } }).formData();
	const uploads: Upload[] = [];
	for (const [field, value] of form) {
		if (typeof value === 'string') continue;
		const bytes = Buffer.from(await value.arrayBuffer());
		uploads.push({ field, fileName: value.name, contentType: value.type, bytes });
	}
	return uploads;
}

function completion({ tools, stream, messages }: ChatRequest, answer: ChatAnswer): Answer {
	const isText = typeof answer === 'string';
	const tool_calls = isText
		? undefined
		: answer.map((input, index) => ({
				index,
				id: `call_${messages.length}_${index}`,
				type: 'function',
				function: { name: tools?.[0].function.name, arguments: JSON.stringify(input) },
			}));
	const message = { role: 'assistant', content: isText ? answer : null, tool_calls };
	const common = { id: 'chatcmpl-1', created: 0, model: 'local' };
	const finish_reason = isText ? 'stop' : 'tool_calls';
	if (!stream) {
		return {
			body: {
				...common,
				object: 'chat.completion',
				choices: [{ index: 0, message, finish_reason }],
				usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
			},
		};
	}
	const chunks = [
		{ index: 0, delta: message, finish_reason: null },
		{ index: 0, delta: {}, finish_reason },
	].map((choice) => ({ ...common, object: 'chat.completion.chunk', choices: [choice] }));
	const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
	return { body: `${events.join('')}data: [DONE]\n\n` };
}
