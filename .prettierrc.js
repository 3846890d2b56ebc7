module.exports = {
	semi: true,
	singleQuote: true,
	trailingComma: 'all',
	bracketSpacing: true,
	arrowParens: 'always',
	endOfLine: 'lf',
	printWidth: 100,
	useTabs: true,
	tabWidth: 2,
};
