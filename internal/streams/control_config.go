package streams

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// reloadKey is the key of CONTROL with the time of the last usher config reload.
const reloadKey = "reload"

// configurationTTL is the time after which the state of a process is dropped that died.
const configurationTTL = 30 * time.Second

// ConfigurationInterval is the time between two stores of the state of a process.
const ConfigurationInterval = configurationTTL / 3

// Configuration is the state of the configuration of a process.
type Configuration struct {
	ID      string    `json:"id"`      // of the process, until its end
	Process string    `json:"process"` // the name of its machine
	Read    time.Time `json:"read"`    // of the configuration in use
	// Faults belong to a newer configuration, which is not in use.
	Faults []string   `json:"faults,omitempty"`
	Tried  *time.Time `json:"tried,omitempty"` // the last attempt, if there are faults
	// Restart names changed settings that need a restart.
	Restart []string `json:"restart,omitempty"`
	// Request is the time of the last RequestReload that the process has carried out.
	Request time.Time `json:"request,omitzero"`
}

// RequestReload asks all processes to read the configuration again.
func (c *Control) RequestReload(ctx context.Context, at time.Time) error {
	return c.put(ctx, reloadKey, "", at)
}

// WatchReloads calls see with the time of each RequestReload, until ctx ends: of the first only if it
// came after since. The watch may begin late, since the start of the workers makes the bucket.
func (c *Control) WatchReloads(ctx context.Context, since time.Time, see func(at time.Time)) {
	last, known := "", false
	c.Watch(ctx, reloadKey, func(values map[string][]byte) {
		now := string(values[reloadKey])
		var at time.Time
		if now != last && json.Unmarshal([]byte(now), &at) == nil && (known || at.After(since)) {
			see(at)
		}
		last, known = now, true
	})
}

// Configurations are the states of the configurations of all processes, each a message in LEASES. The
// server removes the state of a process that died.
type Configurations struct{ client Client }

// NewConfigurations returns the states. LEASES may be created later.
func NewConfigurations(c Client) *Configurations { return &Configurations{c} }

func (c *Configurations) root() string {
	return c.client.Names.WithDefaults().LeaseSubject + ".config."
}

// Set stores the state of a process. Store it again within ConfigurationInterval.
func (c *Configurations) Set(ctx context.Context, state Configuration) error {
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return c.publish(ctx, state.ID, text)
}

// Remove removes the state of a process that ends.
func (c *Configurations) Remove(ctx context.Context, id string) error {
	return c.publish(ctx, id, nil)
}

func (c *Configurations) publish(ctx context.Context, id string, text []byte) error {
	leases, err := OpenLeases(ctx, c.client, configurationTTL)
	if err != nil {
		return err
	}
	ctx, cancel := c.client.call(ctx)
	defer cancel()
	_, err = leases.publish(ctx, &nats.Msg{Subject: c.root() + id, Data: text}, jetstream.WithMsgTTL(configurationTTL))
	return err
}

// List returns the states of all running processes, by the name of the process. Before the first start
// of usher serve there are none.
func (c *Configurations) List(ctx context.Context) (list []Configuration, err error) {
	stream, err := c.client.stream(ctx, c.client.Names.WithDefaults().Leases)
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.client.call(ctx)
	defer cancel()
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(c.root()+"*"))
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for subject := range info.State.Subjects {
		stored, err := c.client.last(ctx, stream, subject)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", subject, err)
		}
		if stored == nil || isFree(stored.Data) {
			continue
		}
		var state Configuration
		if err := json.Unmarshal(stored.Data, &state); err != nil {
			return nil, fmt.Errorf("read %s: %w", subject, err)
		}
		list = append(list, state)
	}
	slices.SortFunc(list, func(a, b Configuration) int {
		return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
