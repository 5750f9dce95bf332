package keystore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// AddWrap puts a new wrapping key before the others, unless the newest has not wrapped everything yet (more than one).
func (k *Keys) AddWrap() bool {
	if len(k.wraps) > 1 {
		return false
	}
	n, _ := strconv.Atoi(k.wraps[0].id[1:])
	k.wraps = append([]wrap{{"w" + strconv.Itoa(n+1), random()}}, k.wraps...)
	return true
}

// Retire takes away all wrapping keys but the current one.
func (k *Keys) Retire() { k.wraps = k.wraps[:1] }

// Save puts the keys in place of the key file.
func (k *Keys) Save(path string) error {
	tmp, err := write(path, []byte(k.String()))
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncDir(filepath.Dir(path))
}

// Rewrap wraps every data key under the current key. It may be cut short and repeated. How many it has changed it returns.
func (v *Vault) Rewrap(ctx context.Context) (changed int, err error) {
	names, err := v.files.List(ctx, "subjects")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		did := false
		err := change(ctx, v.files, name, func(e *Entry, there bool) (bool, error) {
			did = there && e.Erased == nil && e.WrappedBy != v.keys.Current()
			if !did {
				return false, nil
			}
			h, err := v.unwrap(e)
			if err != nil {
				return false, err
			}
			return true, v.wrap(e, h)
		})
		if err != nil {
			return changed, fmt.Errorf("%s: %w", name, err)
		}
		if did {
			changed++
		}
	}
	return changed, nil
}
