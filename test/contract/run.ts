import '../setup';
import { startGateway } from '../gateway';
import { casesOf, makePictures, runCase } from './cases';
import { DOCUMENTS } from './documents';

/** Sends every case of every document's table, and prints what came of it. */
async function main(): Promise<void> {
	const gateway = await startGateway();
	const pictures = await makePictures(gateway);
	let passed = 0;
	let failed = 0;
	for (const document of DOCUMENTS) {
		const cases = casesOf(document, pictures);
		let wrong = 0;
		for (const each of cases) {
			const differences = await runCase(gateway, document, each);
			if (differences.length === 0) continue;
			wrong += 1;
			console.log([`FAILED ${document.name}: ${each.name}`, ...differences].join('\n'));
		}
		passed += cases.length - wrong;
		failed += wrong;
		console.log(`${document.name}: ${cases.length} cases${wrong > 0 ? `, ${wrong} failed` : ''}`);
		for (const [what, why] of document.left) console.log(`  without a case: ${what} (${why})`);
	}
	await gateway.close();
	console.log(`${passed} passed, ${failed} failed`);
	process.exitCode = failed > 0 ? 1 : 0;
}

void main();
