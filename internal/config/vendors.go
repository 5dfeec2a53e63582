package config

import (
	"reflect"
	"strings"
	"time"

	"github.com/usherhq/usher/vendors"
)

// Vendors holds what each vendor needs. A vendor is on when its credentials are
// there. A further vendor is one struct with its needs, one field, and its
// defaults.
type Vendors struct {
	Miestro  Miestro  `yaml:"miestro" envPrefix:"MIESTRO_"`
	Meiro    Meiro    `yaml:"meiro" envPrefix:"MEIRO_"`
	LEAD     LEAD     `yaml:"lead" envPrefix:"LEAD_"`
	MagLoft  MagLoft  `yaml:"magloft" envPrefix:"MAGLOFT_"`
	Usermost Usermost `yaml:"usermost" envPrefix:"USERMOST_"`
}

// Client is what every vendor's client is set by.
type Client struct {
	BaseURL string `yaml:"base_url" env:"BASE_URL"` // what stands before the documented paths; default the documented one where there is one

	// Rate is the calls per second over all processes; 0 is no limit. No vendor
	// states a limit, so the defaults are careful:
	//   miestro   5  no statement; a small hosted application
	//   meiro    10  no statement
	//   lead      1  Laravel's own default is 60 a minute
	//   magloft   5  no statement
	//   usermost 50  the product it is modelled on allows 5,000 a minute: well below
	Rate float64 `yaml:"rate" env:"RATE"`

	Concurrency int           `yaml:"concurrency" env:"CONCURRENCY"` // effects at work at a time in one process; default 16
	Timeout     time.Duration `yaml:"timeout" env:"TIMEOUT"`         // of one call; default 10s
	MaxAge      time.Duration `yaml:"max_age" env:"MAX_AGE"`         // how long a failing effect is tried again before it becomes a dead letter; default 24h
}

// Options returns what vendors.NewClient wants.
func (c Client) Options() vendors.Options {
	return vendors.Options{BaseURL: c.BaseURL, Timeout: c.Timeout, Rate: c.Rate}
}

func (c Client) client() Client { return c }

// Miestro is on with an API key and its secret.
type Miestro struct {
	Client    `yaml:",inline"` // base URL default https://api.miestro.com/api/v1.0
	APIKey    vendors.Secret   `yaml:"api_key" env:"API_KEY"`
	APISecret vendors.Secret   `yaml:"api_secret" env:"API_SECRET"`
}

// Meiro is on, as operators, with a base URL and either an e-mail and a
// password or an access token; as customers, with a collect URL.
type Meiro struct {
	Client      `yaml:",inline"` // base URL has no default: https://api.<instance>.meiro.io
	Email       string           `yaml:"email" env:"EMAIL"`
	Password    vendors.Secret   `yaml:"password" env:"PASSWORD"`
	AccessToken vendors.Secret   `yaml:"access_token" env:"ACCESS_TOKEN"` // instead of e-mail and password; Meiro's tokens end after 8 hours
	// Mode says what our users are at Meiro: operators (accounts of its back
	// office, which the users API manages) or customers (known by their events
	// only). Default operators.
	Mode       string `yaml:"mode" env:"MODE"`
	CollectURL string `yaml:"collect_url" env:"COLLECT_URL"` // of Meiro Pipes, with the source's slug, takes activity; default none
}

// LEAD is on with an administrator's e-mail and password.
type LEAD struct {
	Client     `yaml:",inline"` // base URL has no default: https://<tenant>/api
	Email      string           `yaml:"email" env:"EMAIL"`
	Password   vendors.Secret   `yaml:"password" env:"PASSWORD"`
	EnrollPath string           `yaml:"enroll_path" env:"ENROLL_PATH"` // of the enrolment call, with {course} and {user}; LEAD does not document it; default none: no enrolments
}

// MagLoft is on with an access token.
type MagLoft struct {
	Client      `yaml:",inline"` // base URL default https://www.magloft.com/api/portal/v1
	AccessToken vendors.Secret   `yaml:"access_token" env:"ACCESS_TOKEN"`
	// Mode says what our users are at MagLoft: clients (sub-users of the portal)
	// or readers (of one app, who can be enrolled). Default clients.
	Mode  string `yaml:"mode" env:"MODE"`
	AppID string `yaml:"app_id" env:"APP_ID"` // of the app that the readers read; needed for readers
}

// Usermost is on with a licence code and an API key.
type Usermost struct {
	Client      `yaml:",inline"` // base URL default https://api.usermost.com
	LicenseCode vendors.Secret   `yaml:"license_code" env:"LICENSE_CODE"`
	APIKey      vendors.Secret   `yaml:"api_key" env:"API_KEY"`
}

// The modes of Meiro and MagLoft.
const (
	ModeOperators = "operators"
	ModeCustomers = "customers"
	ModeClients   = "clients"
	ModeReaders   = "readers"
)

func defaultVendors() Vendors {
	with := func(url string, rate float64) Client {
		return Client{BaseURL: url, Rate: rate, Concurrency: 16, Timeout: 10 * time.Second, MaxAge: 24 * time.Hour}
	}
	return Vendors{
		Miestro:  Miestro{Client: with("https://api.miestro.com/api/v1.0", 5)},
		Meiro:    Meiro{Client: with("", 10), Mode: ModeOperators},
		LEAD:     LEAD{Client: with("", 1)},
		MagLoft:  MagLoft{Client: with("https://www.magloft.com/api/portal/v1", 5), Mode: ModeClients},
		Usermost: Usermost{Client: with("https://api.usermost.com", 50)},
	}
}

// needs says what turns a vendor on: all of credentials, and then all of more.
// Names are yaml names of the vendor's own settings.
type needs struct {
	credentials []string
	more        []string
	or          string // another way, in words
}

func (Miestro) needs() needs {
	return needs{credentials: []string{"api_key", "api_secret"}, more: []string{"base_url"}}
}

func (m Meiro) needs() needs {
	switch {
	case m.Mode == ModeCustomers:
		return needs{credentials: []string{"collect_url"}}
	case m.AccessToken != "":
		return needs{credentials: []string{"access_token"}, more: []string{"base_url"}}
	default:
		return needs{
			credentials: []string{"email", "password"},
			more:        []string{"base_url"},
			or:          "USHER_MEIRO_ACCESS_TOKEN instead of e-mail and password, or USHER_MEIRO_MODE=customers with USHER_MEIRO_COLLECT_URL",
		}
	}
}

func (LEAD) needs() needs {
	return needs{credentials: []string{"email", "password"}, more: []string{"base_url"}}
}

func (m MagLoft) needs() needs {
	n := needs{credentials: []string{"access_token"}, more: []string{"base_url"}}
	if m.Mode == ModeReaders {
		n.more = append(n.more, "app_id")
	}
	return n
}

func (Usermost) needs() needs {
	return needs{credentials: []string{"license_code", "api_key"}, more: []string{"base_url"}}
}

// section is one field of Vendors.
type section interface {
	needs() needs
	client() Client
}

// vendor is a section with its name, the key that stands before its settings.
type vendor struct {
	name string
	section
}

func (v vendor) key(name string) string { return "vendors." + v.name + "." + name }

// vendors lists the vendors in the order of the struct.
func (c Config) vendors() []vendor {
	var out []vendor
	v := reflect.ValueOf(c.Vendors)
	for field, value := range v.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		out = append(out, vendor{name: name, section: value.Interface().(section)})
	}
	return out
}

// On lists the vendors that are on, in a fixed order.
func (c Config) On() []string {
	off := c.Off()
	var on []string
	for _, v := range c.vendors() {
		if _, ok := off[v.name]; !ok {
			on = append(on, v.name)
		}
	}
	return on
}

// Off returns, for each vendor that is off, the variables that would turn it on.
func (c Config) Off() map[string]string {
	all := c.index()
	off := map[string]string{}
	for _, v := range c.vendors() {
		if missing := v.missing(all); len(missing) > 0 {
			off[v.name] = v.advice(missing)
		}
	}
	return off
}

func (v vendor) advice(missing []string) string {
	advice := "set " + strings.Join(missing, ", ")
	if or := v.needs().or; or != "" {
		advice += " (or " + or + ")"
	}
	return advice
}

// missing lists the variables of v's needs that have no value.
func (v vendor) missing(all map[string]setting) []string {
	var out []string
	n := v.needs()
	for _, name := range append(n.credentials, n.more...) {
		if s := all[v.key(name)]; s.empty() {
			out = append(out, s.variable)
		}
	}
	return out
}
