import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';

import { itemWith } from '../engine';
import { GATEWAYS, type GatewayFacts, SEEDREAM_PARAMETERS } from '../facts/gateways';
import { type Family, LAYERS, MODELS } from '../facts/models';
import { byId, dataUri, TINY } from '../support';
import { type Case, type Pictures, placed } from './cases';
import type { Document } from './documents';

/** A request for layers: what a user sets, and what it changes in the body of one with nothing set. */
interface Row {
	what: string;
	set: INodeParameters;
	sent: Record<string, unknown>;
	/** Families that support it; absent: all. */
	only?: readonly Family[];
	warnings?: RegExp[];
}

const REGIONS = `The cat <bbox>100 0 500 1000</bbox>, the hat <bbox>50 0 400 200</bbox> ${TINY}`;
const EXPRESSION = byId('={{ $json.model }}');

const ROWS: readonly Row[] = [
	{ what: 'a prompt', set: { prompt: TINY }, sent: { prompt: TINY } },
	{ what: 'regions', set: { prompt: REGIONS }, sent: { prompt: REGIONS } },
	...(['1K', '1.5K', '2K'] as const).map((resolution) => ({
		what: `size ${resolution}`,
		set: { prompt: TINY, resolution },
		sent: { prompt: TINY, size: resolution },
	})),
	...(['png', 'jpeg'] as const).map((outputFormat) => ({
		what: `output_format ${outputFormat}`,
		set: { prompt: TINY, options: { outputFormat } },
		sent: { prompt: TINY, output_format: outputFormat },
	})),
	{
		what: 'optimize_prompt_options.mode standard',
		set: { prompt: TINY, options: { promptOptimization: 'standard' } },
		sent: { prompt: TINY, optimize_prompt_options: { mode: 'standard' } },
	},
	{
		what: 'optimize_prompt_options.mode fast',
		set: { prompt: TINY, options: { promptOptimization: 'fast' } },
		sent: { prompt: TINY, optimize_prompt_options: { mode: 'fast' } },
		only: ['5.0-pro'],
	},
	{
		what: 'optimize_prompt_options.mode fast left out',
		set: { prompt: TINY, model: EXPRESSION, options: { promptOptimization: 'fast' } },
		sent: { prompt: TINY },
		only: ['5.5', '5.0-flash'],
		warnings: [/^Prompt Optimization was not sent: .+\.$/],
	},
	{
		what: 'response_format b64_json',
		set: { prompt: TINY, advanced: { responseFormat: 'b64_json' } },
		sent: { prompt: TINY, response_format: 'b64_json' },
	},
	{
		what: 'watermark',
		set: { prompt: TINY, options: { watermark: true } },
		sent: { prompt: TINY, watermark: true },
	},
	{
		what: 'what other operations have left out',
		set: {
			prompt: TINY,
			maxImages: 3,
			aspectRatio: '16:9',
			model: EXPRESSION,
			options: { background: 'transparent', numberOfImages: 3, webSearch: true },
			advanced: { stream: 'on' },
		},
		sent: { prompt: TINY },
	},
	{
		what: 'seed and guidance_scale left out',
		set: { prompt: TINY, model: EXPRESSION, options: { seed: 42, guidanceScale: 5 } },
		sent: { prompt: TINY },
		warnings: [/^Guidance Scale was not sent: .+\.$/, /^Seed was not sent: .+\.$/],
	},
];

/** Pictures in each source and format a user may have them in: the fields, the item, and `image`. */
function sources({ layered, sample }: Pictures) {
	const file = (format: string) => ({
		kind: `one ${format}`,
		set: { imageSource: 'binary', imageField: 'photo' },
		item: itemWith({ photo: { bytes: layered[format], mimeType: 'application/octet-stream' } }),
		image: dataUri(format, layered[format]),
	});
	const link = (kind: string, imageUrl: string) => ({
		kind,
		set: { imageSource: 'url', imageUrl },
		item: { json: {} } as INodeExecutionData,
		image: imageUrl,
	});
	return [
		link('one URL', sample),
		link('one data URI', dataUri('png', layered.png)),
		...LAYERS.references.formats.map(file),
	];
}

/** The fields of a body that OpenAI's Images API lacks, or the others. */
function only(sent: Row['sent'], isSeedream: boolean): Row['sent'] {
	const fields = Object.entries(sent);
	return Object.fromEntries(
		fields.filter(([name]) => SEEDREAM_PARAMETERS.includes(name) === isSeedream),
	);
}

/** The requests for layers of a document's models. */
export function layerCases(document: Document, pictures: Pictures): Case[] {
	const { credential, models, placement, sets } = document;
	const gateways: Readonly<Record<string, GatewayFacts>> = GATEWAYS;
	if (!gateways[credential.provider].parameters.layer_decomposition) return [];
	const able = models.filter(([, family]) => MODELS[family].operations.includes('layers'));
	const [first, ...others] = sources(pictures);
	return able.flatMap(([id, family], i) => {
		const caseOf = (source: typeof first, { what, set, sent, warnings = [] }: Row): Case => ({
			name: ['layers', id, source.kind, what].join(', '),
			isRepresentative: i === 0 || what === 'a prompt',
			parameters: { operation: 'layers', model: byId(id), prompt: '', ...source.set, ...set },
			item: { ...source.item, json: { model: id } },
			body: placed(
				{
					model: id,
					image: source.image,
					size: 'auto',
					response_format: 'url',
					watermark: false,
					...document.always,
					...only(sent, false),
				},
				{
					layer_decomposition: true,
					...(family === '5.5' ? { output_format: 'jpeg' } : {}),
					...only(sent, true),
				},
				placement,
			),
			warnings,
			images: sent.prompt === REGIONS ? 3 : 4,
		});
		const rows = ROWS.filter((row) => !row.only || row.only.includes(family));
		const plain: Row = { what: 'nothing set', set: {}, sent: {} };
		if (sets !== 'dropped') {
			return [
				...[plain, ...rows].map((row) => caseOf(first, row)),
				...others.map((source) => caseOf(source, rows[0])),
			];
		}
		// The engine loses the parameter: what is left is a request for one image.
		const warning = /^Received one image without layers\..*silently drop layer_decomposition/;
		return rows
			.filter(({ sent }) => 'size' in sent)
			.map((row) => ({ ...caseOf(first, row), warnings: [warning], images: 1 }));
	});
}
