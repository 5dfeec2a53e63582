package bench

import (
	"strings"
	"testing"
)

// TestReplacer checks that a further account keeps nothing of the first one.
func TestReplacer(t *testing.T) {
	first := template{vendor: "miestro", account: "17", mail: "00112233445566778899aabbccddeeff"}
	stored := strings.Join([]string{
		"$KV.ACCOUNTS." + first.recordKey(0), `{"user":"u10000000","account":"17","at":1700000017}`,
		"$KV.ACCOUNT_INDEX.miestro." + digest("17"), "$KV.EMAILS.mail." + first.mail + "." + digest("u10000000"),
	}, "\n")
	got := first.replacer(5).Replace(stored)
	for name, gone := range map[string]string{
		"user": "u10000000", "digest of the user": digest("u10000000"), "account": `"17"`, "digest of the account": digest("17"), "hash of the e-mail": first.mail,
	} {
		if strings.Contains(got, gone) {
			t.Errorf("the %s of the first account is still there: %s", name, got)
		}
	}
	for _, want := range []string{first.recordKey(5), `"user":"u10000005"`, `"account":"10000005"`, `"at":1700000017`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing: %s", want, got)
		}
	}
	if len(first.recordKey(5)) != len(first.recordKey(0)) || first.recordKey(5) == first.recordKey(6) {
		t.Error("keys differ in length, or are equal")
	}
}

func TestLatency(t *testing.T) {
	if got := newLatency([]float64{3, 1, 2}); got.P50 != 2 || got.P99 != 3 {
		t.Errorf("got %+v", got)
	}
}
