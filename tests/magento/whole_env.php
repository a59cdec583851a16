<?php
declare(strict_types=1);
namespace Foo\Bar;
use PDO;
use A\B as C;
define('X', 'y');
const Q = 5, R = 'x';
$a = ['k' => ['v' => 1]];
$t = "q";
$a['k']['z'] = "text {$a['k']['v']} \x41 \u{1F600} \101";
$env = getenv('HOME') ?: $_ENV['X'] ?? 'd';
$h = <<<EOT
  text $env
  {$a['k']['v']}
  EOT;
$n = <<<'EOT'
raw
EOT;
return [
    'backend' => ['frontName' => 'admin_' . X],
    'crypt' => ['key' => 'abc\'d\\'],
    'db' => [
        'table_prefix' => '',
        'connection' => [
            'default' => [
                'host' => 'localhost:3306', 'dbname' => 'm2', 'username' => 'u', 'password' => "p\$w",
                'port' => 0x1F, 'x' => 0b11, 'o' => 017, 'o2' => 0o17, 'f' => 1.5e3, 'g' => .5, 'big' => 99999999999999999999,
                'driver_options' => [PDO::MYSQL_ATTR_SSL_KEY => '/x', \PDO::MYSQL_ATTR_SSL_CA => null, 1014 => false],
                'active' => '1', 'neg' => -1, 'not' => !true, 'i' => (int) '12abc', 's' => (string) 5, 'arr' => (array) 'x',
            ],
        ],
    ],
    ...$a,
    'dir' => __DIR__ . '/x', 'file' => __FILE__, 'line' => __LINE__, 'cls' => PDO::class,
    'dn' => dirname(__DIR__), 'def' => defined('X'), 'cond' => 1 > 2 ? 'a' : 'b', 'and' => true && false || 1,
    'h' => $h, 'n' => $n, 'sum' => ['a'=>1] + ['b'=>2], 'mul' => 3 * 4 - 1 | 2 & 6, 'cmp' => 1 === 2, 'ne' => 1 != 2,
    'install' => ['date' => 'Mon, 01 Jan 2024'], 'env' => '#env(FOO, "bar")', "y" => @$a["q"] ?? "y",
];
