const { rm } = require('node:fs/promises');
const { src, dest } = require('gulp');

exports.clean = () => rm('dist', { recursive: true, force: true });

/** Copies icons beside the compiled code. gulp decodes files as UTF-8 unless told not to, which corrupts PNGs. */
exports.icons = () => src('{nodes,icons}/**/*.{png,svg}', { encoding: false }).pipe(dest('dist'));
