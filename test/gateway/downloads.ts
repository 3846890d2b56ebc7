import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Service } from './generation';
import type { DownloadRecord } from './ledger';
import { type Pieces, sizeOf } from './padding';
import { jsonResponse, type HttpResponse, substituteResponse } from './responses';
import { reset, transmit } from './transmit';

/**
 * Responds to the GET of an image URL as TOS does: the signed URL unchanged and not expired, and no
 * Authorization header beside the signature.
 */
export async function serveFile(
	{ files, ledger, faults }: Service,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const path = request.url ?? '/';
	const { authorization, range } = request.headers;
	const file = files.find(path);
	const record: DownloadRecord = {
		imageId: file?.image.id,
		status: 0,
		at: Date.now(),
		complete: false,
		authorization: authorization !== undefined,
		...(range === undefined ? {} : { range }),
	};
	ledger.downloads.push(record);
	const fault = faults.take('download', {
		profile: file?.profile ?? '',
		prompt: file?.image.prompt,
		model: file?.image.model,
		imageIndex: file?.image.index,
	});
	if (fault?.reset) {
		reset(response);
		return;
	}
	const substitute = fault && substituteResponse(fault, path);
	let outgoing: HttpResponse;
	if (substitute) {
		outgoing = substitute;
	} else if (fault?.status !== undefined) {
		outgoing = tosError(fault.status, fault.code ?? 'InternalError', fault.message ?? 'Try again.');
	} else if (!file) {
		outgoing = tosError(404, 'NoSuchKey', 'The specified key does not exist.');
	} else if (record.authorization) {
		outgoing = tosError(400, 'InvalidArgument', 'Only one auth mechanism allowed.');
	} else if (request.method !== 'GET' || !files.allows(path, file)) {
		outgoing = tosError(403, 'AccessDenied', 'Access Denied');
	} else {
		outgoing = fileResponse(file.pieces, file.image.format, range);
	}
	const whole = file !== undefined && outgoing.pieces === file.pieces;
	record.status = outgoing.status;
	const outcome = await transmit(response, outgoing, fault);
	record.complete = outcome === 'answered';
	if (whole && record.complete) file.image.delivered += 1;
}

function tosError(status: number, Code: string, Message: string): HttpResponse {
	return jsonResponse(status, { Code, Message, EC: '0003-00000015' });
}

export function fileResponse(pieces: Pieces, format: string, range?: string): HttpResponse {
	const size = sizeOf(pieces);
	const headers = { 'Content-Type': `image/${format}`, 'Accept-Ranges': 'bytes' };
	const match = range && /^bytes=(\d+)-(\d*)$/.exec(range);
	if (!match || Number(match[1]) >= size) return { status: 200, headers, pieces, length: size };
	const first = Number(match[1]);
	const last = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
	return {
		status: 206,
		headers: { ...headers, 'Content-Range': `bytes ${first}-${last}/${size}` },
		pieces: [Buffer.concat(pieces).subarray(first, last + 1)],
		length: last + 1 - first,
	};
}
