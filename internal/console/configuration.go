package console

import (
	"context"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/notify"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// configurationPage is the data of the page of the configuration.
type configurationPage struct {
	File   string
	ReadAt time.Time
	All    bool // defaults too
	Groups []configurationGroup
	Hidden int // settings with their default
	// Processes are the processes with workers: when each read its configuration, and the faults of a
	// newer one.
	Processes []streams.Configuration
	Failing   map[string]notify.Failure // targets of notifications
}

// configurationGroup are the settings with one first word of the key.
type configurationGroup struct {
	Name     string
	Settings []ops.Setting
}

// configuration shows the settings in force, without secrets.
func (c *Console) configuration(ctx context.Context, v *visit) (answer, error) {
	settings := v.service.Config
	p := configurationPage{File: settings.File(), ReadAt: settings.ReadAt(), All: v.FormValue("all") != ""}
	var err error
	if p.Processes, err = v.service.Processes(ctx); err != nil {
		return answer{}, err
	}
	if p.Failing, err = v.service.FailingTargets(ctx); err != nil {
		return answer{}, err
	}
	for _, one := range settings.Show() {
		if one.From == "default" && !p.All {
			p.Hidden++
			continue
		}
		name, _, _ := strings.Cut(one.Key, ".")
		if n := len(p.Groups); n == 0 || p.Groups[n-1].Name != name {
			p.Groups = append(p.Groups, configurationGroup{Name: name})
		}
		last := &p.Groups[len(p.Groups)-1]
		last.Settings = append(last.Settings, one)
	}
	return answer{page: "configuration", title: "Configuration", data: p}, nil
}

// shownText returns the value of a setting in one line, without personal data.
func shownText(s ops.Setting) string { return mask(s.Text()) }
