package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// fixed are the settings, and whole parts of the configuration, for which a process needs a restart.
var fixed = []string{
	"source", "nats.", "log.", "traces.", "worker.", "activity.",
	"http.addr", "http.tls_cert", "http.tls_key", "http.connections", "http.timeout", "http.idle",
}

// Changes returns the keys of the settings and of the rules with another value in next, in order.
func (c Config) Changes(next Config) []string {
	old, now := c.values(), next.values()
	keys := maps.Clone(old)
	maps.Copy(keys, now)
	return slices.DeleteFunc(sorted(keys), func(key string) bool { return reflect.DeepEqual(old[key], now[key]) })
}

// values returns the values of all settings and rules, with secrets.
func (c Config) values() map[string]any {
	out := map[string]any{}
	for _, list := range []map[string]setting{c.index(), c.rules()} {
		for key, s := range list {
			out[key] = s.reveal()
		}
	}
	for _, s := range c.Vendors {
		if d, ok := s.Settings.(Described); ok {
			path, text := d.Description()
			out[s.key("file")] = [2]string{path, text}
		}
	}
	return out
}

// Files returns the files behind the configuration, beside the file of the configuration itself: the
// descriptions of vendors.
func (c Config) Files() (paths []string) {
	for _, s := range c.Vendors {
		if d, ok := s.Settings.(Described); ok {
			if path, _ := d.Description(); path != "" {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// NeedRestart returns the keys of the settings for which a process needs a restart.
func NeedRestart(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !isFixed(key) })
}

func isFixed(key string) bool {
	return slices.ContainsFunc(fixed, func(one string) bool {
		return key == one || strings.HasSuffix(one, ".") && strings.HasPrefix(key, one)
	})
}

// NeedWorkers returns the keys of the settings of workers, without settings of the HTTP endpoint
// and of notifications.
func NeedWorkers(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		return isFixed(key) || strings.HasPrefix(key, "http.") || strings.HasPrefix(key, "console.") || strings.HasPrefix(key, "notify.")
	})
}

// Reloaded returns next with the values of c for the settings of NeedRestart.
func (c Config) Reloaded(next Config) Config {
	next.Source, next.NATS, next.Log, next.Traces, next.Worker, next.Activity = c.Source, c.NATS, c.Log, c.Traces, c.Worker, c.Activity
	h := &next.HTTP
	h.Addr, h.TLSCert, h.TLSKey = c.HTTP.Addr, c.HTTP.TLSCert, c.HTTP.TLSKey
	h.Connections, h.Timeout, h.Idle = c.HTTP.Connections, c.HTTP.Timeout, c.HTTP.Idle
	return next
}
