// Preloaded into n8n: writes what the whole process used when it ends.
const { writeFileSync } = require('node:fs');

process.on('exit', () => {
	if (!process.argv.includes('execute')) return;
	const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
	const usage = { cpu: (userCPUTime + systemCPUTime) / 1e6, memory: maxRSS / 1024 };
	writeFileSync(process.env.BENCH_USAGE, JSON.stringify(usage));
});
