package sandbox

import (
	"maps"
	"slices"
	"strings"
)

// Environ returns the variables, as NAME=value, that turn on all five vendors and point the
// vendors to a sandbox served at host. The modes are the defaults; settings for
// USHER_MEIRO_MODE=customers and USHER_MAGLOFT_MODE=readers are included. There is no rate
// limit.
func Environ(host string) []string {
	environ := []string{
		"USHER_MIESTRO_API_KEY=" + MiestroAPIKey,
		"USHER_MIESTRO_API_SECRET=" + MiestroAPISecret,
		"USHER_MEIRO_EMAIL=" + MeiroEmail,
		"USHER_MEIRO_PASSWORD=" + MeiroPassword,
		"USHER_MEIRO_COLLECT_URL=http://" + host + MeiroCollectPath,
		"USHER_LEAD_EMAIL=" + LeadEmail,
		"USHER_LEAD_PASSWORD=" + LeadPassword,
		"USHER_LEAD_ENROLL_PATH=" + LeadEnrollPath,
		"USHER_LEAD_UNENROLL_PATH=" + LeadUnenrollPath,
		"USHER_LEAD_UPDATE=reset_password",
		"USHER_MAGLOFT_ACCESS_TOKEN=" + MagLoftAccessToken,
		"USHER_MAGLOFT_APP_ID=" + MagLoftAppID,
		"USHER_USERMOST_LICENSE_CODE=" + UsermostLicenseCode,
		"USHER_USERMOST_API_KEY=" + UsermostAPIKey,
	}
	stands, _ := New(Config{}) // fails only for invalid values
	urls := stands.BaseURLs(host)
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		prefix := "USHER_" + strings.ToUpper(name)
		environ = append(environ, prefix+"_BASE_URL="+urls[name], prefix+"_RATE=0")
	}
	slices.Sort(environ)
	return environ
}
