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
import {
	buildRequest,
	completeBody,
	requestPart,
	type Credential,
	type ImageRequest,
} from './request';
import { withModel } from './request/automatic';
import { previewRequest } from './request/preview';
import { inputFields } from './request/inputItems';
import { isPartOfFirstItem } from './request/references';
import { readSettings, type Settings } from './request/settings';
import { readResponse, type ReadingOptions } from './response';
import { inOneItem } from './response/items';
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
	const baseUrl = apiBaseUrl(String(credential.baseUrl ?? ''), credential.provider);
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

/** One item of a run, and what all of its requests share. */
class Item {
	private readonly runItem: RunItem;

	/** URLs of its images, as soon as they are known. */
	private readonly urls: string[] = [];

	private key = '';

	/** For error items. */
	private prompt: unknown;

	/** Messages of error items for requests that were not sent: all of the item's have the same reason. */
	private readonly reported = new Set<string>();

	/** Fields of the input item that go along to the output. */
	private inputFields: IDataObject = {};

	constructor(
		private readonly context: IExecuteSingleFunctions,
		private readonly options: RequestOptions,
	) {
		this.runItem = new RunItem(context);
		this.prompt = (options.body as IDataObject | undefined)?.prompt;
	}

	/** Reads and checks all fields. @returns nothing where the first item's request has its images */
	async prepare(): Promise<PreparedItem | undefined> {
		const { context, options, runItem } = this;
		return await runItem.prepare(async () => {
			if (isPartOfFirstItem(context)) return undefined;
			this.inputFields = inputFields(context);
			const credential = await context.getCredentials<Credential>('seedreamApi');
			this.key = apiKeyOf(credential.apiKey);
			const prepared = await prepareItem(context, credential, options);
			const { expectedImages, requests, body } = prepared.request;
			this.prompt = body.prompt;
			runItem.expect(expectedImages * requests);
			return prepared;
		});
	}

	/** Waits for the turn of one request, sends it, and turns its response into items. */
	async generate(prepared: PreparedItem, part: number): Promise<INodeExecutionData[]> {
		const { context, runItem, key } = this;
		const { settings, baseUrl, download, fingerprint } = prepared;
		const remembered = await runItem.prepare(async () => runItem.recall(part, fingerprint));
		if (remembered) return remembered;
		const request = requestPart(prepared.request, part);
		return await runItem.takeTurn(part, settings.concurrentRequests, async () => {
			if (settings.isPreview) {
				const isFirst = part === 0;
				return isFirst ? this.clean(await previewRequest(context, request, baseUrl, download)) : [];
			}
			runItem.assertWithinLimit(settings.maxImagesPerRun);
			// Not kept in what n8n holds until the run ends: references are large.
			const body = (await completeBody(context, request, download)) as IDataObject;
			const options = { ...this.options, body };
			const attempts = new Attempts(
				async () =>
					await exchange(context, { ...prepared, request }, options, this.urls, (value) =>
						redact(value, key),
					),
				request.gateway,
				settings,
				async (milliseconds) => await runItem.pause(milliseconds),
			);
			const queue = queueFor(baseUrl, key, (text) => context.logger.debug(`Seedream: ${text}`));
			const sending = runItem
				.send(part, queue, attempts, request.expectedImages)
				.then((items) => items && this.clean(items));
			return await runItem.keep(part, fingerprint, sending);
		});
	}

	/**
	 * The item for a failure, with "On Error: Continue".
	 * @throws NodeError that ends the run, without
	 */
	async fail(cause: unknown): Promise<INodeExecutionData[]> {
		const { context, runItem, key } = this;
		const failure = cause instanceof RequestFailure ? cause.failure : undefined;
		const error = runItem.fail(toNodeError(context, cause, key), failure?.mayBeCharged ?? false);
		// Rejecting before n8n has started all items would be an unhandled rejection.
		await runItem.allStarted();
		if (!context.continueOnFail()) throw error;
		if (!failure && this.reported.has(error.message)) return [];
		this.reported.add(error.message);
		return [errorItem(context, error, redact({ ...failure, prompt: this.prompt }, key))];
	}

	/** Adds the input fields to output items. n8n does so itself for items of the error output. */
	complete(items: INodeExecutionData[]): INodeExecutionData[] {
		const hasErrorOutput = this.context.getNode().onError === 'continueErrorOutput';
		return items.map((item) => {
			if (hasErrorOutput && item.json.error) return item;
			const { warnings } = item.json;
			const first = warnings === undefined ? {} : { warnings };
			return { ...item, json: { ...first, ...this.inputFields, ...item.json } };
		});
	}

	/** Writes the images of a cancelled execution to n8n's log. */
	end(): void {
		this.runItem.logCancelled(this.urls, (text) => redact(text, this.key));
	}

	private clean(items: INodeExecutionData[]): INodeExecutionData[] {
		return items.map((each) => ({ ...each, json: redact(each.json, this.key) }));
	}
}

/**
 * Generates the images of one item, in step with the other items of the run.
 * Set as `requestOperations.pagination`, n8n's one place for a node's own way of sending.
 */
export async function generateImages(
	this: IExecutePaginationFunctions,
	{ options }: DeclarativeRestApiSettings.ResultOptions,
): Promise<INodeExecutionData[]> {
	const item = new Item(this, options);
	try {
		const prepared = await item.prepare();
		if (!prepared) return [];
		const { request, settings } = prepared;
		const results = await Promise.allSettled(
			Array.from({ length: request.requests }, async (_, part) => {
				return await item.generate(prepared, part).catch(async (cause) => await item.fail(cause));
			}),
		);
		const failed = results.find((result) => result.status === 'rejected');
		if (failed) throw failed.reason;
		const items = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
		const { isSingleItem, field } = settings.output;
		return item.complete(isSingleItem ? inOneItem(items, field) : items);
	} catch (cause) {
		return item.complete(await item.fail(cause));
	} finally {
		item.end();
	}
}
