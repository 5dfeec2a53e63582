package config

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Sources are the sources of settings, besides the defaults.
type Sources struct {
	// Path is the file of --config. Default: the file named by USHER_CONFIG, or else usher.yaml
	// in the current directory, if present.
	Path string
	// Environ is the environment, as returned by os.Environ. An empty variable counts as not
	// set.
	Environ []string
	// Flags are settings of the command line, key to value, such as {"http.addr": ":9000"}.
	Flags map[string]string
	// Vendors are all kinds of vendors, with their defaults. The name of each is the kind.
	Vendors []Section
	// Kinds are kinds without a vendor of that name: only further instances are of these kinds.
	Kinds []string
	// Instance returns the defaults of a further vendor of a kind, for a section of the file;
	// nil: there is none.
	Instance func(kind, name string) Section
}

// Load returns the settings from all sources, checked. The error joins every fault, each an
// *Error; Faults returns the list. With an error, the Config has all readable values, for
// display only. Load also sets the settings that from.Vendors point to; the Config shares
// these.
func Load(from Sources) (Config, error) {
	c := Default()
	c.Vendors = slices.Clone(from.Vendors)
	c.origins, c.lines = map[string]string{}, map[string]string{}
	l := loader{config: &c, faulty: map[string]bool{}, inFile: map[string]bool{}, opaque: map[string]bool{}, environ: environ(from.Environ)}
	path, root := l.parse(from.Path)
	c.readAt = time.Now()
	if root != nil {
		c.file = path
		l.instances(root, path, from)
	}
	l.settings, l.rules = c.index(), c.rules()
	l.file(path, root)
	l.environment()
	l.flags(from.Flags)
	l.natsCommand()
	c.normalize()
	l.check()
	return c, errors.Join(l.faults...)
}

// loader collects values and faults from the sources.
type loader struct {
	config   *Config
	settings map[string]setting
	rules    map[string]setting // of the vendors; file only
	environ  map[string]string
	faults   []error
	faulty   map[string]bool // keys with a fault; one fault per key is enough
	inFile   map[string]bool // vendors with a section in the file
	opaque   map[string]bool // sections whose settings are unknown, since the file that declares them has faults
}

// fault records a fault of the setting key. Further faults of the same setting are dropped,
// because all stem from one mistake.
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

// flags applies settings of the command line.
func (l *loader) flags(values map[string]string) {
	for _, key := range sorted(values) {
		s, ok := l.settings[key]
		if !ok || s.variable == "" {
			l.faultAt("flag", key, "is no setting for a flag", "see usher config show for the names", nil)
			continue
		}
		if err := s.setText(values[key]); err != nil {
			l.faultAt("flag", key, unfit(s, values[key]), "want "+s.want(), nil)
			continue
		}
		l.config.origins[key] = "flag"
	}
}

// normalize brings equivalent values into one form.
func (c *Config) normalize() {
	for _, s := range c.settings() {
		if strings.HasSuffix(s.key, ".base_url") {
			s.value.SetString(strings.TrimRight(s.value.String(), "/"))
		}
	}
}

// unfit returns why text is no value for s, without showing a secret.
func unfit(s setting, text string) string {
	if s.secret() {
		return "cannot be read"
	}
	return "cannot be " + quote(text)
}

// quote returns at most 80 bytes of text in quotes.
func quote(text string) string {
	if len(text) > 80 {
		text = strings.ToValidUTF8(text[:80], "") + "…"
	}
	return `"` + text + `"`
}

// sorted returns the keys of m in order.
func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
