// Imported first: the libraries that come after it end with errors of their own on an old Node.
const [major] = process.versions.node.split('.');
if (Number(major) < 20) {
	console.error(`This is Node ${process.versions.node}. Install Node 20 or newer and try again.`);
	process.exit(1);
}
