/**
 * A reporter for Jest, which itself goes on to the end of a file: ends it at the first failure, and
 * prints which test failed.
 */
module.exports = class {
	onTestCaseResult({ path }, { status, fullName }) {
		if (status === 'failed') this.stop(path, fullName);
	}

	onTestResult({ path }, { testExecError, failureMessage }) {
		if (testExecError || failureMessage) this.stop(path, 'does not load');
	}

	stop(path, title) {
		process.stdout.write(`${path.split('/test/').pop()}: ${title}\n`, () => process.exit(1));
	}

	getLastError() {}
};
