package vendors_test

import (
	"errors"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors"
)

func TestDelaysAskedFor(t *testing.T) {
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	retry := func(value string) http.Header { return header("Retry-After", value) }
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // the start of synctest's clock
	in := func(d time.Duration) time.Time { return now.Add(d) }
	unix := func(d time.Duration) string { return strconv.FormatInt(in(d).Unix(), 10) }
	const s = time.Second
	for name, test := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"seconds":                {retry("120"), 120 * s},
		"decimals":               {retry("299.997"), 300 * s},
		"a little":               {retry("0.2"), s},
		"an exponent":            {retry("3e1"), 30 * s},
		"blanks":                 {retry(" 30 "), 30 * s},
		"zero":                   {retry("0"), 0},
		"negative":               {retry("-1"), 0},
		"not a number":           {retry("NaN"), 0},
		"words":                  {retry("soon"), 0},
		"absurd":                 {retry("99999999999"), time.Hour},
		"two days":               {retry("172800"), time.Hour},
		"more absurd":            {retry("1e99"), time.Hour},
		"many digits":            {retry("999999999999999999999999999999"), time.Hour},
		"a day":                  {retry("86400"), 24 * time.Hour},
		"date, RFC 1123":         {retry(in(90 * s).Format(http.TimeFormat)), 90 * s},
		"date, RFC 850":          {retry(in(90 * s).Format("Monday, 02-Jan-06 15:04:05 GMT")), 90 * s},
		"date, asctime":          {retry(in(90 * s).Format(time.ANSIC)), 90 * s},
		"date, RFC 3339":         {retry(in(90 * s).Format(time.RFC3339)), 90 * s},
		"past date":              {retry(in(-time.Hour).Format(http.TimeFormat)), 0},
		"date of another year":   {retry(in(9000 * time.Hour).Format(http.TimeFormat)), time.Hour},
		"seconds without end":    {header("X-RateLimit-Reset", "999999999"), time.Hour},
		"reset in seconds":       {header("RateLimit-Reset", "30"), 30 * s},
		"reset at an epoch":      {header("X-RateLimit-Reset", strconv.FormatInt(2_000_000_000, 10)), time.Hour},
		"reset after":            {header("X-RateLimit-Reset-After", "1.25"), 2 * s},
		"another spelling":       {header("X-Rate-Limit-Reset", "7"), 7 * s},
		"limit":                  {header("RateLimit", `"default";r=0;t=30`), 30 * s},
		"limit with the rest":    {header("RateLimit", `limit=100, remaining=0, reset=50`), 50 * s},
		"the limit used up":      {header("RateLimit", `"burst";r=0;t=5, "day";r=9;t=3600`), 5 * s},
		"limits used up":         {header("RateLimit", `"burst";r=0;t=5`, "RateLimit", `"day";r=0;t=3600`), time.Hour},
		"no limit used up":       {header("RateLimit", `"day";r=9;t=3600, "burst";r=1;t=5`), 5 * s},
		"a limit without time":   {header("RateLimit", `"day";r=0`, "RateLimit-Reset", "8"), 8 * s},
		"first one counts":       {header("Retry-After", "3", "RateLimit-Reset", "30"), 3 * s},
		"useless first one":      {header("Retry-After", "-1", "RateLimit-Reset", "30"), 30 * s},
		"useless reset":          {header("RateLimit-Reset", "-5", "X-RateLimit-Reset", "9"), 9 * s},
		"none":                   {header(), 0},
		"seconds in quotes":      {retry(`"15"`), 15 * s},
		"epoch of another year":  {header("X-RateLimit-Reset", "1000000000"), time.Hour},
		"negative, no other one": {header("Retry-After", "-0.5"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for status, want := range map[int]time.Duration{429: test.want, 503: test.want, 500: 0, 403: 0} {
					if got := delay(t, status, test.header); got != want {
						t.Errorf("%d: got %v, want %v", status, got, want)
					}
				}
			})
		})
	}
	t.Run("epochs", func(t *testing.T) { epochs(t, unix) })
}

// epochs checks numbers since 1970. The clock of synctest starts in 2000, before leastEpoch, so the
// test moves the clock to 2020 first.
func epochs(t *testing.T, unix func(time.Duration) string) {
	synctest.Test(t, func(t *testing.T) {
		const years = 20 * 365 * 24 * time.Hour
		time.Sleep(years)
		for value, want := range map[string]time.Duration{
			unix(years + 40*time.Second): 40 * time.Second, unix(years+40*time.Second) + "000": 40 * time.Second, unix(years+40*time.Second) + ".5": 41 * time.Second,
			unix(years - time.Minute): 0, unix(years-time.Minute) + "999": 0, unix(years + 48*time.Hour): time.Hour,
		} {
			for _, name := range []string{"Retry-After", "X-RateLimit-Reset", "RateLimit-Reset"} {
				if got := delay(t, 429, http.Header{http.CanonicalHeaderKey(name): {value}}); got != want {
					t.Errorf("%s %s: got %v, want %v", name, value, got, want)
				}
			}
		}
	})
}

// delay returns the delay of an effect after a response.
func delay(t *testing.T, status int, header http.Header) time.Duration {
	t.Helper()
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		res := answer(r, status, "")
		res.Header = header
		return res, nil
	})
	err := client(transport, nil).Do(t.Context(), vendors.Call{Method: http.MethodPost, Path: "/"})
	e, ok := errors.AsType[*vendors.Error](err)
	if !ok {
		t.Fatalf("got %v, want an Error", err)
	}
	return e.After
}
