package config

import (
	"slices"

	"github.com/usherhq/usher/internal/keyfile"
)

// checkProfiles rejects keys that cannot be read, and keys that are there twice.
func (l *loader) checkProfiles() {
	const key = "profiles.keys"
	var paths, contents []string
	for _, path := range l.config.Profiles.Keys {
		content, err := keyfile.Read(path)
		switch {
		case err != nil:
			l.fault(key, "names "+quote(path)+", which cannot be used: "+err.Error(), "name files with a key each, readable for this process")
			return
		case slices.Contains(paths, path):
			l.fault(key, "names "+quote(path)+" twice", "keep one of them")
			return
		case slices.Contains(contents, string(content)):
			l.fault(key, "names "+quote(path)+", whose key is in another file of the list", "keep one of them; to rotate, make a new key")
			return
		}
		paths, contents = append(paths, path), append(contents, string(content))
	}
}
