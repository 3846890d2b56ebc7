/** Downloads addresses through n8n's HTTP helper and throws the bytes away: what reading alone costs. */
class Floor {
	description = {
		displayName: 'Floor',
		name: 'floor',
		group: ['input'],
		version: 1,
		description: 'Downloads and throws away',
		defaults: { name: 'Floor' },
		inputs: ['main'],
		outputs: ['main'],
		properties: [],
	};

	async execute() {
		const items = this.getInputData();
		const urls = items.map(({ json }) => json.url);
		const download = async () => {
			for (let url = urls.shift(); url; url = urls.shift()) {
				const body = await this.helpers.httpRequest({ url, encoding: 'stream' });
				await new Promise((resolve, reject) => {
					body
						.on('data', () => {})
						.on('end', resolve)
						.on('error', reject);
				});
			}
		};
		await Promise.all([download(), download(), download(), download()]);
		return [items];
	}
}

module.exports = { Floor };
