import { arkProfile } from './ark';
import { deerapi } from './deerapi';
import { gateway001 } from './gateway001';
import { gateway002 } from './gateway002';
import { newApi } from './newApi';
import type { Profile, ProfileName } from './profile';
import { routescope } from './routescope';
import { unode } from './unode';

export type { Profile, ProfileName } from './profile';

/** Every service the stand-in gateway plays. */
export const PROFILES: ReadonlyMap<string, Profile> = new Map(
	[
		arkProfile('volcengine'),
		arkProfile('byteplus'),
		deerapi,
		gateway001,
		gateway002,
		routescope,
		unode,
		newApi,
	].map((profile) => [profile.name, profile]),
);

/** @throws Error for a name that is no profile */
export function profileNamed(name: ProfileName): Profile {
	const profile = PROFILES.get(name);
	if (!profile)
		throw new Error(`No profile ${name}; there are: ${[...PROFILES.keys()].join(', ')}`);
	return profile;
}
