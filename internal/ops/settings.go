package ops

import "github.com/usherhq/usher/internal/config"

// Setting is a setting in force, without secrets.
type Setting = config.Shown
