package main

import (
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/ops"
)

// console is the pages of the endpoint, for those whom the configuration names.
// Where open is set, anybody on this machine may use them. Close ends them.
func (f *front) console() (*console.Console, error) {
	c := console.Config{Open: f.open}
	for _, token := range f.config.Console.Tokens {
		c.People = append(c.People, console.Person{Name: "operator", Operator: true, Token: token})
	}
	for _, p := range f.config.Console.People {
		c.People = append(c.People, console.Person{Name: p.Name, Operator: p.Role == config.RoleOperator, Token: p.Token})
	}
	return console.New(c, console.Deps{Desk: f.theDesk, Log: f.log, Version: version()})
}

// theDesk is the one desk of the process; nil while there is no NATS.
func (f *front) theDesk() *ops.Desk {
	set := f.streams.Load()
	if set == nil {
		return nil
	}
	f.desked.Do(func() { f.desk = newDesk(set, f.config) })
	return f.desk
}
