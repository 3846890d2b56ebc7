/** A call of the API: a generation, a model list, or a path that does not exist. */
export interface RequestRecord {
	id: string;
	/** Milliseconds since 1970. */
	at: number;
	profile: string;
	method: string;
	/** Path and query. */
	path: string;
	/** As sent, with the key masked. */
	headers: Record<string, string>;
	/** Whole, as parsed; undefined where there is none, a string where it is no JSON. */
	body: unknown;
	/** HTTP status of the response; 0 while there is none. */
	status: number;
	/**
	 * `open` while under way, `answered` when the whole response was sent, `broken` when the gateway
	 * ended the connection before that, `left` when the client did.
	 */
	outcome: 'open' | 'answered' | 'broken' | 'left';
}

/** an image that was generated, or that moderation held back (then it is not billed). */
export interface ImageRecord {
	id: string;
	requestId: string;
	prompt: string;
	model: string;
	/** Place in its set, from 0. */
	index: number;
	/** Pixels. */
	width: number;
	height: number;
	format: string;
	billed: boolean;
	/** Absent where the image went out as base64, or not at all. */
	url?: string;
	/** How often the whole image was sent: completed downloads, or base64 in a response. */
	delivered: number;
}

/** A GET of an image URL. */
export interface DownloadRecord {
	/** Absent where the URL belongs to no image. */
	imageId?: string;
	/** HTTP status of the response; 0 while there is none. */
	status: number;
	/** Milliseconds since 1970. */
	at: number;
	complete: boolean;
	/** Whether the client sent an Authorization header, which it must not. */
	authorization: boolean;
	/** The Range header as sent. */
	range?: string;
}

/** The account of everything that was requested, generated, billed and fetched, in order. */
export class Ledger {
	readonly requests: RequestRecord[] = [];
	readonly images: ImageRecord[] = [];
	readonly downloads: DownloadRecord[] = [];
	/** Generation requests under way, and the most there were at one time. */
	inFlight = 0;
	maxInFlight = 0;

	/** Counts a generation request as under way. */
	enter(): void {
		this.inFlight += 1;
		this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
	}

	leave(): void {
		this.inFlight -= 1;
	}

	/** Forgets everything but what is still under way. */
	clear(): void {
		for (const list of [this.requests, this.images, this.downloads]) list.length = 0;
		this.maxInFlight = this.inFlight;
	}
}
