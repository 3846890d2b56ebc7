import { z } from 'zod/v4';

/** Which events a fault meets. */
const when = {
	/**
	 * Counted from the injection, among the events that `match`. Absent: the next event that no
	 * earlier fault takes, so that several such faults form a queue.
	 */
	nth: z.union([z.int().positive(), z.literal('every')]).optional(),
	/** How many events in a row, the nth included; 1 when absent. */
	times: z.int().positive().optional(),
	match: z
		.strictObject({
			profile: z.string(),
			/** Part of the prompt. */
			prompt: z.string(),
			model: z.string(),
			/** Place of the image in its set, from 0; for downloads. */
			imageIndex: z.int().nonnegative(),
		})
		.partial()
		.optional(),
};

/** Another response in place of the proper one. Nothing is generated or billed, unless `made` says so. */
const instead = {
	/** HTTP status; 500 when only the other fields of an error are given. */
	status: z.int().min(200).max(599).optional(),
	/** An error body in the profile's own envelope. */
	code: z.string().optional(),
	message: z.string().optional(),
	type: z.string().optional(),
	/** A body as it is, sent as JSON unless `headers` says otherwise. */
	body: z.string().optional(),
	/** A proxy's HTML error page; status 502 unless given. */
	html: z.literal(true).optional(),
	/** Location of a redirect, status 302 unless given; `{path}` stands for the path asked for. */
	redirect: z.string().optional(),
};

/** What happens to a response, proper or not, on its way. */
const wire = {
	headers: z.record(z.string(), z.string()).optional(),
	/** Retry-After: seconds, a date, or a text as it is. */
	retryAfter: z.union([z.number().nonnegative(), z.date(), z.string()]).optional(),
	/** Milliseconds before the first byte, after the images have been generated. */
	delay: z.number().nonnegative().optional(),
	/** Bytes of the body after which the connection is destroyed. */
	cut: z.int().nonnegative().optional(),
	/** Bytes of the body after which nothing more comes and the connection stays open. */
	stall: z.int().nonnegative().optional(),
	/** Milliseconds between the signs of life that a stalled body gives: comments of events, or white space. */
	beat: z.number().positive().optional(),
	/** Bytes a second. */
	slow: z.number().positive().optional(),
	/** The body never ends. */
	endless: z.literal(true).optional(),
};

const problem = z.strictObject({ code: z.string(), message: z.string() });

const requestFault = z.strictObject({
	on: z.literal('request'),
	...when,
	...instead,
	...wire,
	/** The images are generated and billed although the response does not carry them. */
	made: z.literal(true).optional(),
	/** The images are generated and billed, and no response ever comes. */
	noAnswer: z.literal(true).optional(),
	/** The connection is reset before anything is generated, or after everything has been. */
	reset: z.enum(['before', 'after']).optional(),
	/** Places of a set, from 0, that moderation holds back: not billed, an error in their slot. */
	moderate: z.array(z.int().nonnegative()).optional(),
	/** Status 200 with `error` at the top level; nothing is generated. */
	errorIn200: problem.optional(),
	/** Status 200 with `data: []`; nothing is generated. */
	empty: z.literal(true).optional(),
	/** The response of an asynchronous gateway: status 200 with a task id; nothing is generated. */
	taskId: z.literal(true).optional(),
	/** How gateways wrap the images of a plain response that is not streamed. */
	wrap: z.enum(['one object', 'data in data', 'images', 'list', 'urls', 'event']).optional(),
	/** How a streamed response departs from the measured one. */
	stream: z
		.strictObject({
			/** JSON over several `data:` lines, as the documents print it. */
			multiLine: z.literal(true),
			/** Comment lines between the events. */
			comments: z.literal(true),
			/** CRLF line ends. */
			crlf: z.literal(true),
			/** No `completed` event. */
			noCompleted: z.literal(true),
			/** No `[DONE]`. */
			noDone: z.literal(true),
			/** Plain JSON in response to a stream request. */
			json: z.literal(true),
			/** The second event is a line of JSON, as it would stand behind `data:`. */
			jsonLine: z.literal(true),
			/** The connection breaks after so many images, and no more are generated. */
			cutAfterImages: z.int().nonnegative(),
			/** After so many images the whole request fails: an `error` event, no more images. */
			errorAfterImages: z.int().nonnegative(),
		})
		.partial()
		.optional(),
});

const downloadFault = z.strictObject({
	on: z.literal('download'),
	...when,
	...instead,
	...wire,
	/** The connection is reset before the first byte. */
	reset: z.literal('before').optional(),
});

const modelsFault = z.strictObject({
	on: z.literal('models'),
	...when,
	...instead,
	...wire,
	reset: z.literal('before').optional(),
});

export const faultSchema = z.discriminatedUnion('on', [requestFault, downloadFault, modelsFault]);

/**
 * Something that goes wrong, once unless `nth` or `times` says otherwise. `on` tells whether it
 * meets generation requests, downloads of images or model lists; each takes only the fields that
 * make sense for it.
 */
export type Fault = z.infer<typeof faultSchema>;
export type RequestFault = z.infer<typeof requestFault>;

/** What an event is known by when faults are matched with it. */
export interface Occasion {
	profile: string;
	prompt?: string;
	model?: string;
	imageIndex?: number;
}

/** The faults still to come. */
export class Faults {
	private pending: Array<{ fault: Fault; seen: number; taken: number }> = [];

	/** @throws ZodError for a fault that does not exist */
	inject(fault: Fault): void {
		this.pending.push({ fault: faultSchema.parse(fault), seen: 0, taken: 0 });
	}

	clear(): void {
		this.pending = [];
	}

	/** Counts an event, and gives the fault that meets it. */
	take<On extends Fault['on']>(on: On, occasion: Occasion): Extract<Fault, { on: On }> | undefined {
		const matching = this.pending.filter(({ fault }) => fault.on === on && meets(fault, occasion));
		for (const entry of matching) if (entry.fault.nth !== undefined) entry.seen += 1;
		const entry = matching.find(isDue);
		if (!entry) return undefined;
		entry.taken += 1;
		return entry.fault as Extract<Fault, { on: On }>;
	}
}

function isDue({ fault, seen, taken }: { fault: Fault; seen: number; taken: number }): boolean {
	const { nth, times = 1 } = fault;
	if (nth === 'every') return true;
	return taken < times && (nth === undefined || seen >= nth);
}

function meets({ match = {} }: Fault, occasion: Occasion): boolean {
	return (
		(match.profile === undefined || match.profile === occasion.profile) &&
		(match.model === undefined || match.model === occasion.model) &&
		(match.imageIndex === undefined || match.imageIndex === occasion.imageIndex) &&
		(match.prompt === undefined || occasion.prompt?.includes(match.prompt) === true)
	);
}
