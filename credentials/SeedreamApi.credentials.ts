import type {
	Icon,
	ICredentialDataDecryptedObject,
	ICredentialTestRequest,
	ICredentialType,
	IHttpRequestOptions,
	INodeProperties,
} from 'n8n-workflow';

import { GATEWAYS } from '../nodes/Seedream/catalog/gateways';
import { apiBaseUrl, baseUrlProblem } from '../nodes/Seedream/http/baseUrl';
import { apiKeyOf } from '../nodes/Seedream/redact';

const showOnlyForOther = { show: { gateway: ['other'] } };

/** Base URL and bearer key of a gateway that serves Seedream, or of Volcengine Ark or BytePlus. */
export class SeedreamApi implements ICredentialType {
	name = 'seedreamApi';

	displayName = 'Seedream API';

	icon: Icon = { light: 'file:../icons/seedream.svg', dark: 'file:../icons/seedream.dark.svg' };

	documentationUrl = 'https://github.com/n8n-nodes-seedream/n8n-nodes-seedream#credentials';

	properties: INodeProperties[] = [
		{
			displayName: 'Base URL',
			name: 'baseUrl',
			type: 'string',
			required: true,
			default: '',
			placeholder: 'e.g. https://ark.ap-southeast.bytepluses.com/api/v3',
			description:
				'URL of the API as your provider shows it, with or without /v1, /api/v3 or /images/generations',
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
			displayName: 'Gateway',
			name: 'gateway',
			type: 'options',
			default: 'automatic',
			options: [
				{ name: 'Automatic (by Base URL)', value: 'automatic' },
				...GATEWAYS.map(({ id, name, choose: description }) => ({ name, value: id, description })),
			],
			description: "Which gateway's rules to follow. Automatic goes by the host of the base URL.",
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
	];

	// A function, because the base URL needs more than an expression, and because n8n 2.41 resolves no
	// expression here in workflows with combined binary mode.
	authenticate = async (
		{ apiKey, baseUrl, gateway }: ICredentialDataDecryptedObject,
		request: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> => {
		const baseURL = apiBaseUrl(String(baseUrl ?? ''), String(gateway ?? 'automatic'));
		const problem = baseUrlProblem(baseURL);
		if (problem) throw new Error(`${problem.message}. ${problem.description}`);
		const Authorization = `Bearer ${apiKeyOf(apiKey)}`;
		return { ...request, baseURL, headers: { ...request.headers, Authorization } };
	};

	// Listing models is free. Gateways without a list return 404 or 405, which says nothing about the key.
	test: ICredentialTestRequest = {
		request: {
			url: '/models',
			ignoreHttpStatusErrors: { ignore: true, except: [401, 403] },
			disableFollowRedirect: true,
		},
		rules: [
			{
				type: 'responseCode',
				properties: {
					value: 401,
					message: 'The gateway rejected this API key. Check the key and the base URL.',
				},
			},
			{
				type: 'responseCode',
				properties: {
					value: 403,
					message: 'The gateway rejected this API key. Check its permissions, balance and status.',
				},
			},
		],
	};
}
