package config

import (
	"errors"
	"slices"
	"strings"
)

// Sources is where settings come from, beside the defaults.
type Sources struct {
	// Path is the file, as --config names it. Where it is empty, USHER_CONFIG
	// names it; where that is empty too, it is usher.yaml in the current
	// directory, if there is one.
	Path string
	// Environ is the environment, as os.Environ returns it. An empty variable
	// counts as one that is not set.
	Environ []string
	// Flags are settings from the command line, key to value, such as
	// {"http.addr": ":9000"}.
	Flags map[string]string
	// Vendors are the vendors that there are, each with its defaults.
	Vendors []Section
}

// Load returns the settings from all sources, checked. The error joins every
// fault that there is, each an Error; Faults lists them. The Config beside an
// error holds what could be read, for showing only. The settings that
// from.Vendors point to are filled in, and are those of the Config.
func Load(from Sources) (Config, error) {
	c := Default()
	c.Vendors = from.Vendors
	c.origins, c.lines = map[string]string{}, map[string]string{}
	l := loader{config: &c, settings: c.index(), faulty: map[string]bool{}, environ: environ(from.Environ)}
	l.file(from.Path)
	l.environment()
	l.flags(from.Flags)
	c.normalize()
	l.check()
	return c, errors.Join(l.faults...)
}

// loader gathers values and faults on the way through the sources.
type loader struct {
	config   *Config
	settings map[string]setting
	environ  map[string]string
	faults   []error
	faulty   map[string]bool // keys that have a fault already: one each is enough
}

// fault notes what is wrong with the setting key; more than one fault of the same
// setting would tell of the same slip twice.
func (l *loader) fault(key, problem, fix string) {
	l.faultAt(l.config.origins[key], key, problem, fix, nil)
}

func (l *loader) faultAt(at, key, problem, fix string, cause error) {
	if key != "" && l.faulty[key] {
		return
	}
	l.faulty[key] = true
	e := &Error{Key: key, Variable: l.settings[key].variable, At: at, Problem: problem, Fix: fix, Err: cause}
	l.faults = append(l.faults, e)
}

func (l *loader) warn(text string) {
	l.config.warnings = append(l.config.warnings, text)
}

// flags applies settings from the command line.
func (l *loader) flags(values map[string]string) {
	for _, key := range sorted(values) {
		s, ok := l.settings[key]
		if !ok || s.variable == "" {
			l.faultAt("flag", key, "is no setting that a flag can give", "see usher config show for their names", nil)
			continue
		}
		if err := s.setText(values[key]); err != nil {
			l.faultAt("flag", key, unfit(s, values[key]), "want "+s.want(), nil)
			continue
		}
		l.config.origins[key] = "flag"
	}
}

// normalize brings values that mean the same into one form.
func (c *Config) normalize() {
	for _, s := range c.settings() {
		if strings.HasSuffix(s.key, ".base_url") {
			s.value.SetString(strings.TrimRight(s.value.String(), "/"))
		}
	}
}

// unfit says that text is no value for s, without showing a secret.
func unfit(s setting, text string) string {
	if s.secret() {
		return "cannot be read"
	}
	return "cannot be " + quote(text)
}

// quote returns text in quotes, no more than 80 bytes of it.
func quote(text string) string {
	if len(text) > 80 {
		text = strings.ToValidUTF8(text[:80], "") + "…"
	}
	return `"` + text + `"`
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
