import type {
	Icon,
	ICredentialDataDecryptedObject,
	ICredentialTestRequest,
	ICredentialType,
	IHttpRequestOptions,
	INodeProperties,
} from 'n8n-workflow';

import { API_BASE_URL_EXPRESSION, GATEWAYS } from '../nodes/Seedream/catalog/gateways';

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
				'Address of the API as your provider shows it. With or without /v1 or /api/v3; a pasted /images/generations is cut off.',
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
			description: "Whose rules requests follow. Automatic goes by the base URL's host.",
		},
		{
			displayName: 'Seedream Options',
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
				'Where to put what OpenAI does not have, such as sequential_image_generation. If image sets come back as a single image, the gateway drops these options: try Both.',
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

	// A function, because n8n 2.41 resolves no expression here in workflows with combined binary mode.
	authenticate = async (
		{ apiKey }: ICredentialDataDecryptedObject,
		request: IHttpRequestOptions,
	): Promise<IHttpRequestOptions> => ({
		...request,
		headers: { ...request.headers, Authorization: `Bearer ${String(apiKey)}` },
	});

	// Listing models is free. Gateways without a list answer 404 or 405, which says nothing about the key.
	test: ICredentialTestRequest = {
		request: {
			baseURL: API_BASE_URL_EXPRESSION,
			url: '/models',
			ignoreHttpStatusErrors: { ignore: true, except: [401, 403] },
			disableFollowRedirect: true,
		},
		rules: [
			{
				type: 'responseCode',
				properties: {
					value: 401,
					message: 'The gateway does not accept this API key. Check the key and the base URL.',
				},
			},
			{
				type: 'responseCode',
				properties: {
					value: 403,
					message: 'The gateway refuses this API key. Check its permissions, balance and status.',
				},
			},
		],
	};
}
