package sandbox

import (
	"slices"
	"strings"
)

// Environ returns the variables, as NAME=value, that turn on Miestro, Meiro, LEAD, MagLoft and
// Usermost, and point the vendors to a sandbox served at host. The modes are the defaults; settings for
// USHER_MEIRO_MODE=customers and USHER_MAGLOFT_MODE=readers are included. There is no rate
// limit.
func Environ(host string) []string {
	stands, _ := New(Config{}) // fails only for invalid values
	return stands.Environ(host)
}

// credentials are the variables of each kind, without the prefix, but for the addresses.
var credentials = map[string][]string{
	"miestro": {"API_KEY=" + MiestroAPIKey, "API_SECRET=" + MiestroAPISecret},
	"meiro":   {"EMAIL=" + MeiroEmail, "PASSWORD=" + MeiroPassword},
	"lead": {
		"EMAIL=" + LeadEmail, "PASSWORD=" + LeadPassword, "ENROLL_PATH=" + LeadEnrollPath, "UNENROLL_PATH=" + LeadUnenrollPath,
		"UPDATE=reset_password",
	},
	"magloft":  {"ACCESS_TOKEN=" + MagLoftAccessToken, "APP_ID=" + MagLoftAppID},
	"usermost": {"LICENSE_CODE=" + UsermostLicenseCode, "API_KEY=" + UsermostAPIKey},
	"scim":     {"TOKEN=" + SCIMToken},
	"moodle":   {"TOKEN=" + MoodleToken},
	"canvas":   {"TOKEN=" + CanvasToken},
	"atelier":  {"API_KEY=" + AtelierKey},
	"xapi": {
		"CLIENT=" + XAPIKey, "CLIENT_SECRET=" + XAPISecret, "HOME_PAGE=https://school.example", "VERBS=https://school.example/verbs/",
		"OBJECT=https://school.example/courses",
	},
}

// Environ returns the variables as the function Environ does, of all instances.
func (s *Sandbox) Environ(host string) []string {
	var environ []string
	for _, v := range s.vendors {
		prefix, kind := "USHER_"+strings.ToUpper(v.name())+"_", v.fakeVendor.name()
		for _, variable := range credentials[kind] {
			environ = append(environ, prefix+variable)
		}
		if kind == "meiro" {
			environ = append(environ, prefix+"COLLECT_URL=http://"+host+v.base()+strings.TrimPrefix(MeiroCollectPath, v.fakeVendor.base()))
		}
		if f, ok := v.fakeVendor.(fake); ok {
			for _, variable := range f.Variables("http://" + host + v.base()) {
				environ = append(environ, prefix+variable)
			}
		}
		environ = append(environ, prefix+"BASE_URL=http://"+host+v.base(), prefix+"RATE=0")
	}
	slices.Sort(environ)
	return environ
}

// Kinds returns the kind of each further instance, by name.
func (s *Sandbox) Kinds() map[string]string {
	kinds := map[string]string{}
	for _, v := range s.vendors {
		if v.instance != "" {
			kinds[v.instance] = v.fakeVendor.name()
		}
	}
	return kinds
}
