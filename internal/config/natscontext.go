package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/usherhq/usher/bounded"
)

// defaultURL is the server of a context without one, as for the nats command.
const defaultURL = "nats://127.0.0.1:4222"

// contextKeys are the settings by the members of a context of the nats command.
var contextKeys = map[string]string{ //nolint:gosec // G101: names of settings
	"url": "nats.url", "creds": "nats.creds", "nkey": "nats.nkey", "user": "nats.user", "password": "nats.password", "token": "nats.token",
	"ca": "nats.ca", "cert": "nats.cert", "key": "nats.key", "tls_first": "nats.tls_first", "inbox_prefix": "nats.inbox_prefix",
	"jetstream_domain": "nats.domain", "jetstream_api_prefix": "nats.api_prefix",
}

// contextPaths are the settings with a path, in which a context may have ~ and $NAME.
var contextPaths = []string{"nats.creds", "nats.nkey", "nats.ca", "nats.cert", "nats.key"}

// unusable are the members of a context that Usher cannot use.
var unusable = []string{"nsc", "socks_proxy", "user_jwt", "user_seed", "windows_cert_store"}

// natsVariables are the settings by the variables of the nats command.
var natsVariables = map[string]string{ //nolint:gosec // G101: names of settings
	"NATS_URL": "nats.url", "NATS_CREDS": "nats.creds", "NATS_NKEY": "nats.nkey", "NATS_USER": "nats.user", "NATS_PASSWORD": "nats.password",
	"NATS_TOKEN": "nats.token", "NATS_CA": "nats.ca", "NATS_CERT": "nats.cert", "NATS_KEY": "nats.key",
}

// natsCommand applies a context of the nats command (nats.context, NATS_CONTEXT), or the variables
// of the nats command with NATS_URL. Settings of Usher win, and without nats.context nothing is
// applied beside a server of Usher's settings.
func (l *loader) natsCommand() {
	name, origin := l.config.NATS.Context, "nats.context"
	if name == "" && l.hasServer() {
		return
	}
	if name == "" {
		name, origin = l.environ["NATS_CONTEXT"], "NATS_CONTEXT"
	}
	switch {
	case name != "":
		l.natsContext(name, origin)
	case l.environ["NATS_URL"] != "":
		for _, variable := range sorted(natsVariables) {
			l.preset(natsVariables[variable], l.environ[variable], variable)
		}
	}
}

// hasServer reports whether the settings of Usher choose a server, or the embedded server.
func (l *loader) hasServer() bool {
	for key := range l.config.origins {
		if key == "nats.url" || strings.HasPrefix(key, "nats.embedded.") {
			return true
		}
	}
	return false
}

// preset applies a value to a setting without a value.
func (l *loader) preset(key, value, origin string) {
	s, known := l.settings[key]
	if value == "" || !known || l.config.origins[key] != "" {
		return
	}
	if err := s.setText(value); err != nil {
		l.faultAt(origin, key, unfit(s, value), "want "+s.want(), nil)
		return
	}
	l.config.origins[key] = origin
}

// natsContext applies a context: a name, or the path of a file.
func (l *loader) natsContext(name, origin string) {
	path := name
	if !strings.ContainsRune(name, filepath.Separator) && !strings.HasSuffix(name, ".json") {
		path = filepath.Join(l.contextFolder(), name+".json")
	}
	text, err := bounded.ReadFile(path, bounded.SettingsFile)
	if err != nil {
		l.faultAt(origin, "nats.context", fmt.Sprintf("names no context of the nats command: %v", err), "see nats context ls; or name a file", err)
		return
	}
	members := map[string]any{}
	if err := json.Unmarshal(text, &members); err != nil {
		l.faultAt(origin, "nats.context", path+" is not JSON: "+err.Error(), "see nats context validate", err)
		return
	}
	for _, member := range unusable {
		if value, ok := members[member].(string); ok && value != "" {
			l.faultAt(origin, "nats.context", fmt.Sprintf("%s has %s, which usher cannot use", path, member), "add creds, nkey or a user to the context", nil)
		}
	}
	for _, member := range sorted(contextKeys) {
		value, _ := members[member].(string)
		if on, ok := members[member].(bool); ok && on {
			value = "true"
		}
		l.preset(contextKeys[member], l.expanded(contextKeys[member], value), path)
	}
	l.preset("nats.url", defaultURL, path)
}

// contextFolder returns the folder of the contexts of the nats command.
func (l *loader) contextFolder() string {
	home := cmp.Or(l.environ["XDG_CONFIG_HOME"], filepath.Join(l.environ["HOME"], ".config"))
	return filepath.Join(home, "nats", "context")
}

// expanded returns the value of a setting, with ~ and variables in a path replaced.
func (l *loader) expanded(key, value string) string {
	for _, path := range contextPaths {
		if key != path {
			continue
		}
		if rest, ok := strings.CutPrefix(value, "~/"); ok {
			value = filepath.Join(l.environ["HOME"], rest)
		}
		return os.Expand(value, func(name string) string { return l.environ[name] })
	}
	return value
}
