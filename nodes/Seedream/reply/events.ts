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

/**
 * Reads server-sent events: the JSON of each, up to `[DONE]` or the end of the stream. Several `data`
 * lines make one text; comments, ids and event names (Ark repeats them as `type`) are passed over.
 * @throws what the stream throws; SyntaxError for an event that is not JSON
 */
export async function* readEvents(chunks: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
	let data: string[] = [];
	for await (const line of readLines(chunks)) {
		const field = /^data:\s?([^]*)$/.exec(line);
		if (field) data.push(field[1]);
		if (line !== '' || data.length === 0) continue;
		const text = data.join('\n');
		data = [];
		if (text.trim() === '[DONE]') return;
		yield JSON.parse(text);
	}
	const last = data.join('\n').trim();
	if (last && last !== '[DONE]') yield JSON.parse(last);
}
