import type {
	Icon,
	ICredentialDataDecryptedObject,
	ICredentialTestRequest,
	ICredentialType,
	IDataObject,
	IHttpRequestHelper,
	IHttpRequestOptions,
	INodeProperties,
} from 'n8n-workflow';

import { BY_BASE_URL, GATEWAYS, gatewayOf, type Gateway } from '../nodes/Seedream/catalog/gateways';
import { checkConnection } from '../nodes/Seedream/checkConnection';
import { apiBaseUrl, baseUrlProblem } from '../nodes/Seedream/http/baseUrl';
import { apiKeyOf } from '../nodes/Seedream/redact';

const showOnlyForOther = { show: { provider: ['other'] } };

/** Marks the request of the credential's Test; it is never sent. */
const TEST_HEADER = 'x-seedream-credential-test';

/** n8n treats it as a response with status 401. Its message shows only if `preAuthentication` is not called. */
class UnauthorizedError extends Error {
	readonly response = { status: 401 };

	constructor() {
		super('This version of n8n cannot test the credential. Save it and run the node.');
	}
}

const NAMED = GATEWAYS.filter(({ baseUrl }) => baseUrl !== undefined);

const BASE_URL: INodeProperties = {
	displayName: 'Base URL',
	name: 'baseUrl',
	type: 'string',
	default: '',
};

/** What the editor shows for a provider that is chosen by name. */
function fieldsOf({ id, name, baseUrl, keyPage = '' }: Gateway): INodeProperties[] {
	const displayOptions = { show: { provider: [id] } };
	const page = keyPage.replace(/^https:\/\/([^/]+).*/, '$1');
	return [
		{
			displayName: `Create an API key for ${name} at <a href="${keyPage}" target="_blank">${page}</a>.`,
			name: `${id}Key`,
			type: 'notice',
			default: '',
			displayOptions,
		},
		{
			...BASE_URL,
			placeholder: baseUrl,
			description: `Leave it empty for ${baseUrl}. Enter another one for another region, plan or proxy.`,
			displayOptions,
		},
	];
}

/** Provider, base URL and bearer key: a gateway that serves Seedream, Volcengine Ark or BytePlus. */
export class SeedreamApi implements ICredentialType {
	name = 'seedreamApi';

	displayName = 'Seedream API';

	icon: Icon = { light: 'file:../icons/seedream.svg', dark: 'file:../icons/seedream.dark.svg' };

	documentationUrl = 'https://github.com/n8n-nodes-seedream/n8n-nodes-seedream#credentials';

	properties: INodeProperties[] = [
		{
			displayName: 'Provider',
			name: 'provider',
			type: 'options',
			default: BY_BASE_URL,
			options: [
				{
					name: 'By Base URL',
					value: BY_BASE_URL,
					description: 'Recognizes the provider by the host of the base URL',
				},
				...GATEWAYS.map(({ id, name, label, choose: description }) => ({
					name: label ?? name,
					value: id,
					description,
				})),
			],
			description: 'Where your API key is from',
		},
		...NAMED.flatMap(fieldsOf),
		{
			...BASE_URL,
			required: true,
			placeholder: 'e.g. https://ark.ap-southeast.bytepluses.com/api/v3',
			description:
				'URL of the API as your provider shows it, with or without /v1, /api/v3 or /images/generations',
			displayOptions: { hide: { provider: NAMED.map(({ id }) => id) } },
		},
		{
			displayName: 'API Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			required: true,
			default: '',
			description: 'Sent as a bearer token to the base URL and nowhere else',
		},
		{
			displayName: 'Seedream Parameters',
			name: 'placement',
			type: 'options',
			default: 'topLevel',
			displayOptions: showOnlyForOther,
			options: [
				{ name: 'At the Top Level of the Body', value: 'topLevel' },
				{ name: 'Inside extra_fields', value: 'extraFields' },
				{ name: 'Both', value: 'both' },
			],
			description:
				'Where to put parameters that OpenAI does not have, such as sequential_image_generation. If an image set is always one image, the gateway drops them: try Both.',
		},
		{
			displayName: 'Reference Images',
			name: 'referenceForm',
			type: 'options',
			default: 'auto',
			displayOptions: showOnlyForOther,
			options: [
				{ name: 'A String for One, an Array for More', value: 'auto' },
				{ name: 'Always an Array', value: 'array' },
			],
			description: 'How the image field carries reference images',
		},
		{
			// n8n calls `preAuthentication` only for credentials with such a field: when it is empty, which
			// it never is, and after a 401.
			displayName: 'Tested',
			name: 'tested',
			type: 'hidden',
			typeOptions: { expirable: true },
			default: 'afterUnauthorized',
		},
	];

	/**
	 * The credential's Test, which `test` below leads to.
	 * @returns nothing for n8n to store
	 * @throws Error whose message n8n shows
	 */
	async preAuthentication(
		this: IHttpRequestHelper,
		credentials: ICredentialDataDecryptedObject,
	): Promise<IDataObject> {
		const { baseUrl, apiKey, provider } = connectionOf(credentials);
		await checkConnection(this, baseUrl, apiKey, gatewayOf(baseUrl, provider));
		return {};
	}

	// A function, because the base URL needs more than an expression, and because n8n 2.41 resolves no
	// expression here in workflows with combined binary mode.
	authenticate = async (
		credentials: ICredentialDataDecryptedObject,
		request: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> => {
		const { baseUrl: baseURL, apiKey } = connectionOf(credentials);
		if (request.headers?.[TEST_HEADER]) {
			// Once: n8n then calls `preAuthentication`, and `authenticate` again.
			delete request.headers[TEST_HEADER];
			throw new UnauthorizedError();
		}
		return {
			...request,
			baseURL,
			headers: { ...request.headers, Authorization: `Bearer ${apiKey}` },
		};
	};

	// By itself, this could compare the response with fixed values only, whatever its status and provider,
	// and n8n would show the bare code of a network failure. `preAuthentication` is the one place that gets
	// n8n's HTTP helper, with its proxy and the domains that the credential allows.
	test: ICredentialTestRequest = {
		request: {
			url: '/models',
			headers: { [TEST_HEADER]: 'true' },
			disableFollowRedirect: true,
			ignoreHttpStatusErrors: true,
		},
	};
}

/** @throws Error with a message for the user when there is no valid base URL */
function connectionOf(credentials: ICredentialDataDecryptedObject) {
	const provider = String(credentials.provider ?? BY_BASE_URL);
	const baseUrl = apiBaseUrl(String(credentials.baseUrl ?? ''), provider);
	const problem = baseUrlProblem(baseUrl);
	if (problem) throw new Error(`${problem.message}. ${problem.description}`);
	return { baseUrl, apiKey: apiKeyOf(credentials.apiKey), provider };
}
