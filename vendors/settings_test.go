package vendors_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/vendors"
)

func TestSettingsBecomeOptions(t *testing.T) {
	got := vendors.DefaultSettings("https://acme.example.org/api", 5).Options()
	want := vendors.Options{BaseURL: "https://acme.example.org/api", Rate: 5, Timeout: 10 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestOneOf(t *testing.T) {
	for name, test := range map[string]struct {
		value string
		want  []vendors.Fault
	}{
		"one of them": {"red", nil},
		"another":     {"blue", []vendors.Fault{{Name: "colour", Problem: `cannot be "blue"`, Fix: "want one of: red, green"}}},
		"empty":       {"", []vendors.Fault{{Name: "colour", Problem: `cannot be ""`, Fix: "want one of: red, green"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, vendors.OneOf("colour", test.value, "red", "green")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
