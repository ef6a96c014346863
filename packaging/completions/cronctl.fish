# fish completion for cronctl(1)
complete -c cronctl -n __fish_use_subcommand -f
complete -c cronctl -n __fish_use_subcommand -a help -d 'shows the commands'
complete -c cronctl -n __fish_use_subcommand -l help -d 'shows the commands'
complete -c cronctl -n __fish_use_subcommand -s V -l version -d 'shows the version'
@TABLE@
