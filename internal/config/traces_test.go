package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/vendors"
)

func TestHeadersOfTraces(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"":                                    {},
		"Authorization=Bearer abc==, x-team=": {"Authorization": "Bearer abc==", "x-team": ""},
		"a=b,":                                {"a": "b"},
		"no value":                            nil,
		"a b=c":                               nil,
		"=c":                                  nil,
	} {
		got, ok := config.Traces{Headers: vendors.Secret(text)}.Sent()
		if diff := cmp.Diff(want, got); diff != "" || ok != (want != nil) {
			t.Errorf("%q: ok is %v; (-want +got)\n%s", text, ok, diff)
		}
	}
}
