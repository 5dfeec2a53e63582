package httpapi

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// TestSecret begins the value of every secret of TestConfig.
const TestSecret = "stand-in-secret-"

// TestConfig returns a Config for a stand-in, with a value for each setting of the file.
func TestConfig(f *File, s vendors.Settings) (Config, error) {
	c := Defaults()
	c.Use(f)
	rate := c.Rate
	c.Settings = s
	c.Rate = cmp.Or(s.Rate, rate)
	for name, value := range testValues(f, s.BaseURL) {
		text, _ := textOf(value)
		if f.Settings[name].Default != nil {
			continue
		}
		if err := c.Set(name, text); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Variables returns the settings of TestConfig for a stand-in at a base URL, as NAME=value, sorted.
func (s *StandIn) Variables(baseURL string) (all []string) {
	f := s.engine.file
	for name, value := range testValues(f, baseURL) {
		if text, _ := textOf(value); f.Settings[name].Default == nil {
			all = append(all, strings.ToUpper(name)+"="+text)
		}
	}
	slices.Sort(all)
	return all
}

// testValues returns a value for each setting of a file.
func testValues(f *File, baseURL string) map[string]any {
	values := map[string]any{}
	for name, s := range f.Settings {
		switch {
		case s.Default != nil:
			values[name] = s.Default.value
			if n, ok := s.Default.value.(int); ok {
				values[name] = int64(n)
			}
		case len(s.OneOf) > 0:
			values[name] = s.OneOf[0]
		case s.Secret:
			values[name] = TestSecret + name
		default:
			values[name] = "1"
		}
	}
	if a := f.Auth; a != nil && a.OAuth2 != nil {
		for _, name := range settingsOf(a.OAuth2.TokenURL) {
			values[name] = baseURL + tokenPath
		}
	}
	for i := range f.Find {
		for _, name := range settingsOf(f.Find[i].Control) {
			values[name] = controlEmail
		}
	}
	return values
}

// LoginPaths returns the paths of the calls that issue tokens.
func (f *File) LoginPaths() (paths []string) {
	if f.Auth == nil {
		return nil
	}
	if f.Auth.OAuth2 != nil {
		paths = append(paths, tokenPath)
	}
	if l := f.Auth.Login; l != nil {
		calls := []*Request{&l.Request}
		if l.Renew != nil {
			calls = append(calls, l.Renew)
		}
		for _, one := range calls {
			_, p := one.call()
			paths = append(paths, p.text)
		}
	}
	return paths
}

// Repeats reports whether all calls of an operation may be made again.
func (f *File) Repeats(operation string) bool {
	all := map[string]Changes{}
	for _, o := range f.operations() {
		all[o.name] = *o.calls
	}
	if f.Track != nil {
		all["track"] = Changes{*f.Track}
	}
	if f.Create != nil {
		all["create"] = Changes{{Repeat: f.Create.Repeat}}
	}
	return len(all[operation]) > 0 && !slices.ContainsFunc(all[operation], func(c Change) bool {
		return c.Repeat == "" || c.Repeat == repeatNever
	})
}

// Operations returns the names of the operations of the file, sorted.
func (f *File) Operations() []string {
	names := map[string]bool{
		"create": f.Create != nil, "find": len(f.Find) > 0, "track": f.Track != nil, "enrolled": f.Enrolled != nil, "list": f.List != nil,
		"show": f.Show != nil, "courses": f.Courses != nil, "check": f.Check != nil,
	}
	for _, o := range f.operations() {
		names[o.name] = len(*o.calls) > 0
	}
	maps.DeleteFunc(names, func(_ string, there bool) bool { return !there })
	return slices.SortedFunc(maps.Keys(names), strings.Compare)
}

// Has reports whether the file has an operation.
func (f *File) Has(operation string) bool { return slices.Contains(f.Operations(), operation) }
