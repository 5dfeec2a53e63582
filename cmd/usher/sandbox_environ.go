package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/usherhq/usher/vendors/lead"
	"github.com/usherhq/usher/vendors/sandbox"
)

// sandboxEnviron returns the variables, as NAME=value, that turn on all five
// vendors and point them at a sandbox that is served at host. The modes are the
// defaults: USHER_MEIRO_MODE=customers and USHER_MAGLOFT_MODE=readers find what
// they need here as well. Calls are not limited, since stand-ins need no sparing.
func sandboxEnviron(host string) []string {
	environ := []string{
		"USHER_MIESTRO_API_KEY=" + sandbox.MiestroAPIKey,
		"USHER_MIESTRO_API_SECRET=" + sandbox.MiestroAPISecret,
		"USHER_MEIRO_EMAIL=" + sandbox.MeiroEmail,
		"USHER_MEIRO_PASSWORD=" + sandbox.MeiroPassword,
		"USHER_MEIRO_COLLECT_URL=http://" + host + sandbox.MeiroCollectPath,
		"USHER_LEAD_EMAIL=" + sandbox.LeadEmail,
		"USHER_LEAD_PASSWORD=" + sandbox.LeadPassword,
		"USHER_LEAD_ENROLL_PATH=" + sandbox.LeadEnrollPath,
		"USHER_LEAD_UNENROLL_PATH=" + sandbox.LeadUnenrollPath,
		"USHER_LEAD_UPDATE=" + lead.UpdateResetPassword,
		"USHER_MAGLOFT_ACCESS_TOKEN=" + sandbox.MagLoftAccessToken,
		"USHER_MAGLOFT_APP_ID=" + sandbox.MagLoftAppID,
		"USHER_USERMOST_LICENSE_CODE=" + sandbox.UsermostLicenseCode,
		"USHER_USERMOST_API_KEY=" + sandbox.UsermostAPIKey,
	}
	stands, _ := sandbox.New(sandbox.Config{}) // fails only where a switch is set, and none is
	urls := stands.BaseURLs(host)
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		prefix := "USHER_" + strings.ToUpper(name)
		environ = append(environ, prefix+"_BASE_URL="+urls[name], prefix+"_RATE=0")
	}
	slices.Sort(environ)
	return environ
}
