import type {
	DeclarativeRestApiSettings,
	IDataObject,
	IExecutePaginationFunctions,
	IExecuteSingleFunctions,
	INodeExecutionData,
} from 'n8n-workflow';

import { errorItem, RequestFailure, toNodeError } from './errors';
import { apiBaseUrl } from './http/baseUrl';
import { openConnection } from './http/connection';
import type { DownloadOptions } from './http/download';
import { networkFailure } from './http/networkFailure';
import { send, type RequestOptions } from './http/send';
import { apiKeyOf, redact } from './redact';
import { buildRequest, completeBody, type Credential, type ImageRequest } from './request';
import { withModel } from './request/automatic';
import { previewRequest } from './request/preview';
import { readSettings, type Settings } from './request/settings';
import { readResponse, type ReadingOptions } from './response';
import { Attempts } from './run/attempts';
import { queueFor } from './run/queues';
import { RunItem } from './run/run';

/** Milliseconds to wait for one image, and for each further one of a set. */
const TIMEOUT_MS = 300_000;
const TIMEOUT_PER_FURTHER_IMAGE_MS = 40_000;

/** Milliseconds to wait at most, unless the user sets another timeout. */
const MAX_TIMEOUT_MS = 900_000;

/** Milliseconds without progress after which a download is given up. */
const DOWNLOAD_IDLE_MS = 60_000;

/** An item whose fields have all been read and checked. */
interface PreparedItem {
	request: ImageRequest;
	settings: Settings;
	baseUrl: string;
	/** Milliseconds to wait for a response. */
	timeout: number;
	download: DownloadOptions;
	/** What makes the request this one and no other. */
	fingerprint: () => string;
}

async function prepareItem(
	context: IExecuteSingleFunctions,
	credential: Credential,
	options: RequestOptions,
): Promise<PreparedItem> {
	const settings = readSettings(context);
	// The item's own: a credential may hold expressions, and a key must not go to another's gateway.
	const baseUrl = apiBaseUrl(String(credential.baseUrl ?? ''), credential.gateway ?? 'automatic');
	const body = await withModel(context, credential, options, baseUrl);
	const request = buildRequest(context, credential, body, baseUrl);
	const ownTimeout = TIMEOUT_MS + (request.expectedImages - 1) * TIMEOUT_PER_FURTHER_IMAGE_MS;
	const { proxy, skipSslCertificateValidation } = options;
	return {
		request,
		settings,
		baseUrl,
		timeout: settings.timeout ?? Math.min(ownTimeout, MAX_TIMEOUT_MS),
		download: {
			idle: Math.min(settings.timeout ?? DOWNLOAD_IDLE_MS, DOWNLOAD_IDLE_MS),
			proxy,
			skipSslCertificateValidation: Boolean(skipSslCertificateValidation),
		},
		fingerprint: () => JSON.stringify([baseUrl, request.body, request.references]),
	};
}

/**
 * Sends one request and turns its response into items.
 * @param urls gets the URL of each image as soon as it is known
 * @param clean redacts a text or JSON value
 * @throws RequestFailure
 */
async function exchange(
	context: IExecuteSingleFunctions,
	{ request, settings, baseUrl, timeout, download }: PreparedItem,
	options: RequestOptions,
	urls: string[],
	clean: ReadingOptions['clean'],
): Promise<INodeExecutionData[]> {
	const connection = openConnection(context);
	try {
		const response = await send(context, options, timeout, connection).catch((error: unknown) => {
			throw networkFailure(error, timeout, baseUrl);
		});
		const reading = { output: settings.output, download, idle: timeout, clean };
		return await readResponse(context, request, response, connection, reading, urls);
	} finally {
		connection.close();
	}
}

/**
 * Generates the images of one item, in step with the other items of the run: prepares its request, waits
 * for its turn, sends it, and turns the response into items.
 * Set as `requestOperations.pagination`, n8n's one place for a node's own way of sending.
 */
export async function generateImages(
	this: IExecutePaginationFunctions,
	{ options }: DeclarativeRestApiSettings.ResultOptions,
): Promise<INodeExecutionData[]> {
	const runItem = new RunItem(this);
	const urls: string[] = [];
	let key = '';
	const clean = <T>(value: T): T => redact(value, key);
	const cleanItems = (items: INodeExecutionData[]) =>
		items.map((each) => ({ ...each, json: clean(each.json) }));
	try {
		const { remembered, ...item } = await runItem.prepare(async () => {
			const credential = await this.getCredentials<Credential>('seedreamApi');
			key = apiKeyOf(credential.apiKey);
			const prepared = await prepareItem(this, credential, options);
			runItem.expect(prepared.request.expectedImages);
			return { ...prepared, remembered: runItem.recall(prepared.fingerprint) };
		});
		const { request, settings, baseUrl, download, fingerprint } = item;
		if (remembered) return remembered;

		return await runItem.takeTurn(settings.concurrentRequests, async () => {
			if (settings.isPreview) {
				return cleanItems(await previewRequest(this, request, baseUrl, download));
			}
			runItem.assertWithinLimit(settings.maxImagesPerRun);
			// Not kept in what n8n holds until the run ends: references are large.
			const body = (await completeBody(this, request, download)) as IDataObject;
			const attempts = new Attempts(
				async () => await exchange(this, item, { ...options, body }, urls, clean),
				request.gateway,
				settings,
				async (milliseconds) => await runItem.pause(milliseconds),
			);
			const queue = queueFor(baseUrl, key, (text) => this.logger.debug(`Seedream: ${text}`));
			const sending = runItem.send(queue, attempts, request.expectedImages).then(cleanItems);
			return await runItem.keep(fingerprint, sending);
		});
	} catch (cause) {
		const failure = cause instanceof RequestFailure ? cause.failure : undefined;
		const error = toNodeError(this, cause, key);
		const shown = runItem.fail(error, failure?.mayBeCharged ?? false);
		// Rejecting before n8n has started all items would be an unhandled rejection.
		await runItem.allStarted();
		if (!this.continueOnFail()) throw shown;
		return [errorItem(this, shown, clean(failure))];
	} finally {
		runItem.logCancelled(urls, clean);
	}
}
