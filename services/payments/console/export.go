package console

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/sheet"
)

// perBatch is how many rows of a file are read in one statement.
const perBatch = 1000

// batchTime is how long a batch may take to be read and sent: the file as a whole may take any time.
const batchTime = time.Minute

// next is the rows that follow in a file; none at its end.
type next[T any] func() ([]T, error)

// sendCSV streams a table.
func sendCSV[T any](p *Pages, c echo.Context, name string, header []string, rows next[T], row func(T) []string) error {
	var w sheet.Writer
	begin := func() (err error) {
		c.Response().Header().Set(echo.HeaderContentType, "text/csv; charset=utf-8; header=present")
		w, err = sheet.NewWriter(c.Response(), header)
		return err
	}
	return send(p, c, name+".csv", rows, begin, func(batch []T) error {
		cells := make([][]string, len(batch))
		for i, one := range batch {
			cells[i] = row(one)
		}
		return w.Write(cells...)
	}, func() error { return nil })
}

// sendJSON streams a list.
func sendJSON[T any](p *Pages, c echo.Context, name string, rows next[T], fact func(T) any) error {
	lead := "[\n"
	write := func(text []byte) error {
		_, err := c.Response().Write(text)
		return err
	}
	begin := func() error {
		c.Response().Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
		return nil
	}
	return send(p, c, name+".json", rows, begin, func(batch []T) error {
		for _, one := range batch {
			line, err := json.Marshal(fact(one))
			if err != nil {
				return err
			}
			if err := write(append([]byte(lead), line...)); err != nil {
				return err
			}
			lead = ",\n"
		}
		return nil
	}, func() error {
		if lead == "[\n" {
			return write([]byte("[]\n"))
		}
		return write([]byte("\n]\n"))
	})
}

// send streams a file a batch at a time. One that cannot be read to its end must not look whole: the connection is broken off.
func send[T any](p *Pages, c echo.Context, name string, rows next[T], begin func() error, write func([]T) error, end func() error) error {
	batch, err := rows()
	if err != nil {
		return err // nothing was sent yet
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	connection := http.NewResponseController(c.Response())
	err = begin()
	for err == nil && len(batch) > 0 {
		_ = connection.SetWriteDeadline(clock.System().Now().Add(batchTime)) // of the machine's time, whatever a test's is
		if err = write(batch); err == nil {
			batch, err = rows()
		}
	}
	if err == nil {
		err = end()
	}
	if err != nil {
		p.log.ErrorContext(c.Request().Context(), "a file was broken off", "file", name, "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// once is a file that is at hand as a whole.
func once[T any](all []T) next[T] {
	return func() ([]T, error) {
		batch := all
		all = nil
		return batch, nil
	}
}
