package vendors_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/vendors"
)

const hidden = "hunter2-s3cret"

func TestSecretIsNeverPrinted(t *testing.T) {
	s := vendors.Secret(hidden)
	config := struct {
		Key vendors.Secret
		P   *vendors.Secret
		M   map[string]vendors.Secret
	}{s, &s, map[string]vendors.Secret{"k": s}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T %v"} {
		for _, value := range []any{s, &s, config, &config, []vendors.Secret{s}} {
			if shown := fmt.Sprintf(verb, value); strings.Contains(shown, hidden) || strings.Contains(shown, fmt.Sprintf("%x", hidden)) {
				t.Errorf("%s of %T shows the secret", verb, value)
			}
		}
	}
	body, err := json.Marshal(config)
	if err != nil || strings.Contains(string(body), hidden) || !strings.Contains(string(body), "[redacted]") {
		t.Errorf("JSON: got %s, %v", body, err)
	}
	var log bytes.Buffer
	logger := zerolog.New(&log)
	logger.Info().Object("a", s).Interface("b", s).Interface("c", config).Stringer("d", s).Any("e", &s).Msg("")
	if strings.Contains(log.String(), hidden) {
		t.Errorf("the log shows it: %s", log.String())
	}
}

func TestSecretIsReadAndRevealed(t *testing.T) {
	var config struct{ Key, None vendors.Secret }
	if err := json.Unmarshal([]byte(`{"Key":"`+hidden+`"}`), &config); err != nil || config.Key.Reveal() != hidden {
		t.Errorf("got %v", err)
	}
	if config.None.String() != "" || fmt.Sprint(config.Key) != "[redacted]" {
		t.Errorf("got %q and %q, want nothing and [redacted]", config.None.String(), fmt.Sprint(config.Key))
	}
}
