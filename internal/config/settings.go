package config

import (
	"reflect"
	"strings"

	"github.com/usherhq/usher/internal/spelling"
	"github.com/usherhq/usher/vendors"
)

const prefix = "USHER_"

// setting is one leaf of Config, with names and value.
type setting struct {
	key      string // in the file: worker.ack_wait
	variable string // in the environment: USHER_WORKER_ACK_WAIT; "" for the file only
	value    reflect.Value
	in       any    // pointer to the struct with the value
	before   string // prefix of the names in the struct's env tags
}

// settings returns every setting of c in the order of the struct. Setting a value changes c.
func (c *Config) settings() []setting {
	return leaves(reflect.ValueOf(c).Elem(), "", prefix)
}

// index returns the settings by key.
func (c *Config) index() map[string]setting {
	out := map[string]setting{}
	for _, s := range c.settings() {
		out[s.key] = s
	}
	return out
}

// leaves walks the struct v by its tags. A struct without a key is inline; so is a pointer to a
// struct in an interface, for settings that a file declares.
func leaves(v reflect.Value, path, variable string) []setting {
	var out []setting
	for field, value := range v.Fields() {
		name, option, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case option == "inline" && value.Kind() == reflect.Interface:
			if !value.IsNil() {
				out = append(out, leaves(value.Elem().Elem(), path, variable)...)
			}
		case option == "inline":
			out = append(out, leaves(value, path, variable)...)
		case name == "", name == "-":
			continue
		case value.Type() == reflect.TypeFor[[]Section]():
			for _, s := range value.Interface().([]Section) {
				out = append(out, leaves(reflect.ValueOf(s.Settings).Elem(), path+name+"."+s.Name+".", s.variables())...)
			}
		case value.Kind() == reflect.Struct:
			out = append(out, leaves(value, path+name+".", variable+field.Tag.Get("envPrefix"))...)
		default:
			s := setting{key: path + name, value: value, in: v.Addr().Interface(), before: variable}
			if env := field.Tag.Get("env"); env != "" {
				s.variable = variable + env
			}
			out = append(out, s)
		}
	}
	return out
}

// secret reports whether the value must not be shown. A secret can also come from a file, named
// by <variable>_FILE.
func (s setting) secret() bool {
	switch s.value.Interface().(type) {
	case vendors.Secret, Tokens:
		return true
	default:
		return false
	}
}

// reveal returns the value, with secrets.
func (s setting) reveal() any {
	if secret, ok := s.value.Interface().(vendors.Secret); ok {
		return secret.Reveal()
	}
	return s.value.Interface()
}

func (s setting) empty() bool { return !s.value.IsValid() || s.value.IsZero() }

// want returns the expected form of the value.
func (s setting) want() string {
	switch s.value.Interface().(type) {
	case Sync:
		return `"always" or a duration such as 1s`
	case Bytes:
		return "a size such as 10GiB"
	case Storage:
		return `"auto" or a size such as 100GiB`
	case Limits:
		return "stream or bucket → a size such as 10GiB"
	case Tokens:
		return "a list of tokens"
	case Names:
		return "a list of names"
	case Clients:
		return "a list of name, token or token_file, sources, types"
	case People:
		return "a list of name, role, token or token_file, vendors, may"
	case AccessRules:
		return "a list of claim, value, role, vendors, may"
	case NotifyTargets:
		return "a list of name, format, url or url_file, secrets or secrets_file, kinds, ca"
	case Webhooks:
		return "name → " + strings.Join(webhookKeys, ", ")
	case Foreigns:
		return "name → types, sources, event"
	case Order:
		return "source → position or time"
	case Courses:
		return "our course id → vendor → the vendor's course id"
	case Map:
		return "field → an expression, or value and at"
	case Match:
		return "a list of: id, email"
	case May:
		return "a list of: " + strings.Join(Changes(), ", ")
	case vendors.Secret:
		return "one text"
	}
	switch s.value.Kind() {
	case reflect.Int64:
		return "a duration such as 30s, 10m or 24h"
	case reflect.Int:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	default:
		return "one text"
	}
}

// nearest returns the name that word probably misspells, or "".
func nearest(word string, names []string) string {
	best, least := "", 3 // more than two differences are a different name
	for _, name := range names {
		if d := spelling.Distance(word, name); d < least {
			best, least = name, d
		}
	}
	return best
}
