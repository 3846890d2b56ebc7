const LINE_FEED = 0x0a;

/** Bytes of a line that holds no data: a comment, a name. */
const LONGEST_LINE = 1024 * 1024;

/** Bytes of a line of data: an image as base64, with room to spare. */
const LONGEST_DATA = 192 * 1024 * 1024;

async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
	let pieces: Buffer[] = [];
	let length = 0;
	for await (const chunk of chunks) {
		let from = 0;
		for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
			pieces.push(chunk.subarray(from, end));
			yield Buffer.concat(pieces).toString('utf8').replace(/\r$/, '');
			pieces = [];
			length = 0;
			from = end + 1;
		}
		pieces.push(Buffer.from(chunk.subarray(from)));
		length += chunk.length - from;
		if (length < LONGEST_LINE) continue;
		const isData = /^data:/.test(
			Buffer.concat(pieces.slice(0, 6).map((piece) => piece.subarray(0, 5))).toString('latin1'),
		);
		if (!isData || length > LONGEST_DATA) throw new Error('an event has no end');
	}
	yield Buffer.concat(pieces).toString('utf8');
}

/** The JSON object of an event; undefined for one that holds none. @throws SyntaxError for no JSON */
function parse(text: string): object | undefined {
	const value: unknown = text.trim() ? JSON.parse(text) : undefined;
	return typeof value === 'object' && value !== null ? value : undefined;
}

/**
 * Reads server-sent events: the JSON object of each, up to `[DONE]` or the end of the stream. Several
 * `data` lines make one text; comments, ids and event names (Ark repeats them as `type`) are passed over.
 * @throws what the stream throws; at the end, SyntaxError when an event was no JSON: images that were paid
 * for stand behind it
 */
export async function* readEvents(chunks: AsyncIterable<Buffer>): AsyncGenerator<object> {
	let data: string[] = [];
	let broken: Error | undefined;
	const take = () => {
		const text = data.join('\n');
		data = [];
		try {
			return text.trim() === '[DONE]' ? 'done' : parse(text);
		} catch (error) {
			broken ??= error as Error;
			return undefined;
		}
	};
	for await (const line of readLines(chunks)) {
		const field = /^data:\s?([^]*)$/.exec(line);
		if (field) data.push(field[1]);
		if (line !== '' || data.length === 0) continue;
		const event = take();
		if (event === 'done') break;
		if (event) yield event;
	}
	const last = take();
	if (last && last !== 'done') yield last;
	if (broken) throw broken;
}
