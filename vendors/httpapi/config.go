package httpapi

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/vendors"
)

// Config configures an adapter by a file, and by the settings that the file declares.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL and the rate default to those of the file
	File             string           `yaml:"file"` // path of the description, relative to the folder of the configuration
	// Declared is a pointer to a struct with a field for each setting of the file; nil without a
	// file. Not a setting itself.
	Declared any `yaml:",inline"`

	file       *File
	path, text string // of the file
}

// Defaults returns a Config without a file.
func Defaults() Config { return Config{Settings: vendors.DefaultSettings("", defaultRate)} }

// defaultRate is a careful choice for an unknown API, in calls per second.
const defaultRate = 5

// Describe reads the file at path, relative to the folder of the configuration, and sets the
// defaults of the file and Declared. The error joins a *Fault for each mistake.
func (c *Config) Describe(folder, path string) error {
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	text, err := readText(path)
	if err != nil {
		return err
	}
	f, err := Parse(path, text)
	if err != nil {
		return err
	}
	c.Use(f)
	c.path, c.text = path, string(text)
	return nil
}

// Description returns the path of the file, and the text that Describe read.
func (c *Config) Description() (path, text string) { return c.path, c.text }

// Use sets the defaults of a file, and Declared.
func (c *Config) Use(f *File) {
	c.file = f
	c.BaseURL, c.Rate = f.BaseURL, cmp.Or(f.Rate, defaultRate)
	fields := make([]reflect.StructField, 0, len(f.Settings))
	names := slices.Sorted(maps.Keys(f.Settings))
	for _, name := range names {
		fields = append(fields, reflect.StructField{
			Name: fieldName(name), Type: f.Settings[name].kind(),
			Tag: reflect.StructTag(`yaml:"` + name + `" env:"` + strings.ToUpper(name) + `"`),
		})
	}
	declared := reflect.New(reflect.StructOf(fields))
	for i, name := range names {
		if d := f.Settings[name].Default; d != nil {
			declared.Elem().Field(i).Set(reflect.ValueOf(d.value).Convert(fields[i].Type))
		}
	}
	c.Declared = declared.Interface()
}

// fieldName returns the exported name of a field for a setting.
func fieldName(name string) string { return "X" + name }

// kind returns the type of the setting.
func (s Setting) kind() reflect.Type {
	switch {
	case s.Secret:
		return reflect.TypeFor[vendors.Secret]()
	case s.Default == nil:
		return reflect.TypeFor[string]()
	}
	return reflect.TypeOf(s.Default.value)
}

// Needs returns the settings that turn the vendor on: all secrets that are not optional, then the
// base URL and all other settings without a default.
func (c Config) Needs() vendors.Needs {
	n := vendors.Needs{More: []string{"base_url"}}
	if c.file == nil {
		return vendors.Needs{Credentials: []string{"file"}, More: n.More}
	}
	for _, name := range slices.Sorted(maps.Keys(c.file.Settings)) {
		s := c.file.Settings[name]
		switch {
		case s.Optional || s.Default != nil:
		case s.Secret:
			n.Credentials = append(n.Credentials, name)
		default:
			n.More = append(n.More, name)
		}
	}
	return n
}

// Faults returns the faults of settings with other texts than the file accepts.
func (c Config) Faults() (faults []vendors.Fault) {
	if c.file == nil {
		return nil
	}
	values, _ := c.values()
	for _, name := range slices.Sorted(maps.Keys(c.file.Settings)) {
		text, _ := textOf(values[name])
		if list := c.file.Settings[name].OneOf; len(list) > 0 && text != "" {
			faults = append(faults, vendors.OneOf(name, text, list...)...)
		}
	}
	return faults
}

// values returns the settings of the file, and the secrets among them.
func (c Config) values() (map[string]any, []vendors.Secret) {
	values := map[string]any{}
	var secrets []vendors.Secret
	if c.Declared == nil {
		return values, nil
	}
	for field, value := range reflect.ValueOf(c.Declared).Elem().Fields() {
		name := field.Tag.Get("yaml")
		switch v := value.Interface().(type) {
		case vendors.Secret:
			values[name] = v.Reveal()
			secrets = append(secrets, v)
		case int:
			values[name] = int64(v)
		default:
			values[name] = v
		}
	}
	return values, secrets
}

// WantedCourse returns the form of the vendor's course ids, or "" if id has that form.
func (c Config) WantedCourse(id string) string {
	if c.file != nil && c.file.CourseID == courseNumber {
		return vendors.WantedNumber(id)
	}
	return ""
}

// Keys returns the keys of the look-ups of the file, in order; none for accounts that are addressed by
// our user ids.
func (c Config) Keys() (keys []string) {
	if c.file == nil {
		return c.Settings.Keys()
	}
	if c.file.Account.isAddressed() {
		return nil
	}
	for i := range c.file.Find {
		if key := c.file.Find[i].key(); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// CanDisable reports whether the file has disable.
func (c Config) CanDisable() bool { return c.file != nil && len(c.file.Disable) > 0 }

// CanDelete reports whether the file has delete.
func (c Config) CanDelete() bool { return c.file == nil || len(c.file.Delete) > 0 }

// Validate returns all faults of c, joined, or nil.
func (c Config) Validate() error {
	if c.file == nil {
		return errors.New("http: file is missing; set file to the description of the API")
	}
	values, _ := c.values()
	faults := append(c.Faults(), vendors.RequireURL("base_url", c.BaseURL)...)
	n := c.Needs()
	for _, name := range slices.Concat(n.Credentials, n.More[1:]) {
		text, _ := textOf(values[name])
		faults = append(faults, vendors.Require(name, text)...)
	}
	return vendors.InvalidConfig(c.file.Name, faults)
}

// New returns the adapter of the file, or the error of Config.Validate.
func New(c Config) (*Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	values, secrets := c.values()
	return open(c.file, c.Settings, values, secrets)
}

// Set sets a setting of the file from a text, as a variable of the environment does.
func (c *Config) Set(name, text string) error {
	if c.Declared != nil {
		for field, value := range reflect.ValueOf(c.Declared).Elem().Fields() {
			if field.Tag.Get("yaml") != name {
				continue
			}
			if value.Kind() == reflect.String {
				value.SetString(text)
				return nil
			}
			return yaml.Unmarshal([]byte(text), value.Addr().Interface())
		}
	}
	return fmt.Errorf("the file has no setting %s", name)
}
