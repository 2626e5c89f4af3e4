-- SPDX-License-Identifier: ISC
-- An Ardour DSP script behind the plugin: passes its MIDI on and remembers it in memory that ardour.lua can read.
ardour {
	["type"]    = "dsp",
	name        = "Host Test Tap",
	category    = "Utility",
	license     = "ISC",
	author      = "The Partimento authors",
	description = [[Passes MIDI through and remembers it for the test script.]]
}

-- Memory: [0] number of events, [1] frames that have passed; then six numbers an event: transport sample of the cycle,
-- offset in the cycle, three bytes in one, rolling, frames that had passed, 0.
local max = 16384
local n_out

function dsp_ioconfig ()
	return { { midi_in = 1, midi_out = 1, audio_in = 0, audio_out = 0 } }
end

function dsp_init (rate)
	self:shmem():allocate (6 + max * 6)
	self:shmem():atomic_set_int (0, 0)
	self:shmem():atomic_set_int (1, 0)
end

function dsp_configure (ins, outs)
	n_out = outs
end

function dsp_runmap (bufs, in_map, out_map, n_samples, offset)
	ARDOUR.DSP.process_map (bufs, n_out, in_map, out_map, n_samples, offset)
	local shm    = self:shmem()
	local passed = shm:atomic_get_int (1)
	local port   = in_map:get (ARDOUR.DataType ("midi"), 0)
	if port ~= ARDOUR.ChanMapping.Invalid then
		local buf = shm:to_int (6):array ()
		local n   = shm:atomic_get_int (0)
		local t0  = Session:transport_sample ()
		local on  = Session:transport_rolling () and 1 or 0
		for _, e in pairs (bufs:get_midi (port):table ()) do
			if n < max and e:size () == 3 then
				local b = e:buffer ():array ()
				local o = n * 6
				buf[o + 1] = t0
				buf[o + 2] = e:time ()
				buf[o + 3] = (b[1] << 16) | (b[2] << 8) | b[3]
				buf[o + 4] = on
				buf[o + 5] = passed
				n = n + 1
			end
		end
		shm:atomic_set_int (0, n)
	end
	shm:atomic_set_int (1, passed + n_samples)
end
