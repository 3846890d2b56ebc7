import { arkProfile } from './ark';
import type { Profile, ProfileName } from './profile';

export type { Profile, ProfileName } from './profile';

/** Every service the embedded gateway plays. */
export const PROFILES: ReadonlyMap<string, Profile> = new Map(
	[arkProfile('volcengine'), arkProfile('byteplus')].map((profile) => [profile.name, profile]),
);

/** @throws Error for a name that is no profile */
export function profileNamed(name: ProfileName): Profile {
	const profile = PROFILES.get(name);
	if (!profile)
		throw new Error(`No profile ${name}; there are: ${[...PROFILES.keys()].join(', ')}`);
	return profile;
}
